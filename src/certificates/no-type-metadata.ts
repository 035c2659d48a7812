/**
 * The container that @peculiar/x509 wires itself with (tsyringe) refuses to load where nothing answers for the types
 * of constructor parameters, although the library's classes have none. This answers that there are none.
 */
const answers = { getMetadata: () => undefined, getOwnMetadata: () => undefined }

if (!('getMetadata' in Reflect)) Object.assign(Reflect, answers)
