const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** The twin (r, n − s) of an ES256 token's signature (r, s), which verifies as well. */
export function twinOf(token: string): string {
  const end = token.lastIndexOf('.') + 1
  const raw = Buffer.from(token.slice(end), 'base64url')
  const s = order - BigInt(`0x${raw.subarray(32).toString('hex')}`)
  const twin = Buffer.concat([raw.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
  return `${token.slice(0, end)}${twin.toString('base64url')}`
}

/** Every way to write an ES256 token that some decoder takes for the same, by what is done to it. */
export function spellingsOf(token: string): [string, string][] {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(token.at(-1) ?? '')
  // 64 bytes leave four bits of the last character unused.
  const stray = alphabet[last + 1] ?? ''
  const end = token.lastIndexOf('.') + 5
  return [
    ['as it is', token],
    ['with the last character changed', `${token.slice(0, -1)}${stray}`],
    ['padded', `${token}==`],
    ['with a space in its signature', `${token.slice(0, end)} ${token.slice(end)}`],
    ['with a line break at its end', `${token}\n`],
    ['in the other base64 alphabet', token.replaceAll('-', '+').replaceAll('_', '/')],
    ['with the twin of its signature', twinOf(token)],
    ['with the twin, padded', `${twinOf(token)}==`],
  ]
}
