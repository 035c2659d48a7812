/** Imports only this file of client-node, so that bundles do not contain its API client, which Signet does not use. */
export { KubeConfig } from '@kubernetes/client-node/dist/config.js'
