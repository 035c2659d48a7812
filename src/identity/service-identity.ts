/** Names a ServiceIdentity, which is the identity of the ServiceAccount of the same name and namespace. */
export interface IdentityName {
  readonly namespace: string
  readonly name: string
}

/** `shop/orders`: names an identity in work queues, logs and messages. */
export function identityKey({ namespace, name }: IdentityName): string {
  return `${namespace}/${name}`
}

/** The inverse of `identityKey`. Throws a TypeError for any other text. */
export function parseIdentityKey(key: string): IdentityName {
  const [namespace, name, ...rest] = key.split('/')
  if (!namespace || !name || rest.length > 0) throw new TypeError(`not an identity key: ${key}`)
  return { namespace, name }
}
