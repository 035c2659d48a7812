// Runs in the pod of `npm run soak -- mount`: looks at the mounted token, and prints one line of JSON each second, and
// one at once when the file has changed. Never prints the token. Plain Node, so that it runs without being built.
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { request } from 'node:https'

const directory = process.env.SIGNET_DIR
const read = (name) => readFileSync(`${directory}/${name}`, 'utf8')
const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString())

/** The key set as the issuer serves it at this moment, over a connection of its own. */
function fetchKeys() {
  return new Promise((resolve, reject) => {
    const options = { ca: read('ca.crt'), agent: false, timeout: 5000 }
    const call = request(`${read('issuer')}/jwks.json`, options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part) => (text += part))
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(JSON.parse(text).keys)
          : reject(new Error(`JWK Set: ${response.statusCode}`)),
      )
      response.on('error', reject)
    })
    call.on('timeout', () => call.destroy(new Error('JWK Set: no answer within 5 s')))
    call.on('error', reject)
    call.end()
  })
}

/** Why the token does not verify; nothing where it does. */
async function refusal(token, header, claims) {
  try {
    const key = (await fetchKeys()).find(({ kid }) => kid === header.kid)
    if (key === undefined) return 'its key is not published'
    if (key.sub !== claims.sub) return 'its key is bound to another subject'
    const [head, body, signature] = token.split('.')
    const publicKey = { key: createPublicKey({ key, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }
    const valid = verify('sha256', Buffer.from(`${head}.${body}`), publicKey, Buffer.from(signature, 'base64url'))
    return valid ? undefined : 'its signature is wrong'
  } catch (error) {
    return error.message
  }
}

let count = 0

async function sample(kind) {
  const at = Date.now()
  const number = (count += 1)
  const token = read('token')
  const [header, claims] = token.split('.', 2).map(decode)
  const { kid } = header
  const { jti, exp } = claims
  const problem = await refusal(token, header, claims)
  console.log(JSON.stringify({ kind, number, at, secondsLeft: exp - at / 1000, kid, jti, problem }))
}

const state = () => readlinkSync(`${directory}/..data`)
let last = state()
await sample('second')
setInterval(() => void sample('second'), 1000)
setInterval(() => {
  const now = state()
  if (now === last) return
  last = now
  void sample('change')
}, 20)
process.on('SIGTERM', () => process.exit())
