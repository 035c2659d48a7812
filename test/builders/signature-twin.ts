/** The order of P-256. */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** The same ES256 token with the signature (r, n − s), which verifies as well. */
export function twinOf(token: string): string {
  const [header, claims, signature = ''] = token.split('.')
  const raw = Buffer.from(signature, 'base64url')
  const s = order - BigInt(`0x${raw.toString('hex', 32)}`)
  const twin = Buffer.concat([raw.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
  return `${header}.${claims}.${twin.toString('base64url')}`
}
