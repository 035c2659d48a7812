/** Names one ServiceIdentity, which is the identity of the ServiceAccount of the same name and namespace. */
export interface IdentityName {
  readonly namespace: string
  readonly name: string
}

/** `shop/orders`, as work queues, logs and messages name an identity. */
export function identityKey({ namespace, name }: IdentityName): string {
  return `${namespace}/${name}`
}

/** The inverse of `identityKey`; a TypeError where the text is not one. */
export function parseIdentityKey(key: string): IdentityName {
  const [namespace, name, ...rest] = key.split('/')
  if (!namespace || !name || rest.length > 0) throw new TypeError(`not an identity key: ${key}`)
  return { namespace, name }
}
