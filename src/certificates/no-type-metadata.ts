/**
 * tsyringe, the container that @peculiar/x509 uses, refuses to load without a Reflect that answers for the types of
 * constructor parameters. The classes of the library have no such parameters, so this says that there are none.
 */
const answers = { getMetadata: () => undefined, getOwnMetadata: () => undefined }

if (!('getMetadata' in Reflect)) Object.assign(Reflect, answers)
