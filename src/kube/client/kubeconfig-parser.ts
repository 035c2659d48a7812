/** Its own file in client-node, and so in a bundle: the rest of that package is an API client that is not used. */
export { KubeConfig } from '@kubernetes/client-node/dist/config.js'
