// nodemailer.js PORT MAILS CONNECTIONS: mails of 2 KB through a pool; the module is found by NODE_PATH.
const nodemailer = require('nodemailer')

const [port, mails, connections] = process.argv.slice(2).map(Number)
const pool = nodemailer.createTransport({
  host: '127.0.0.1', port, ignoreTLS: true, pool: true, maxConnections: connections, maxMessages: Infinity
})
const text = ('X'.repeat(78) + '\n').repeat(23)
let next = 0

async function sender () {
  while (next < mails) {
    const n = next++
    await pool.sendMail({
      from: 'no-reply@example.com', to: `user${n}@example.com`, subject: `Mail ${n}`, text
    })
  }
}

Promise.all(Array.from({ length: connections }, sender)).then(() => pool.close(), error => {
  console.error(error.message)
  process.exit(1)
})
