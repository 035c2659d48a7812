import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { build, type BuildOptions, type Plugin } from 'esbuild'
import { root } from './run.ts'

const banner = [
  '#!/usr/bin/env node',
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
].join('\n')

/**
 * client-node's kubeconfig parser imports two names from the index of the generated API client, which brings a thousand
 * models with it. The index is cut down to the files of those two; a third name would fail the build.
 */
const withoutModels: Plugin = {
  name: 'without-models',
  setup: (bundler) => {
    bundler.onLoad({ filter: /\/@kubernetes\/client-node\/dist\/gen\/index\.js$/ }, () => ({
      contents: `export { createConfiguration } from './configuration.js'\nexport { ServerConfiguration } from './servers.js'`,
    }))
  },
}

/**
 * undici's index brings fetch, WebSocket, mocks, caches and SQLite: parsed, held in memory, never used here. It is cut
 * down likewise, to the pools of `src/kube/client/transport.ts` and what the kubeconfig parser names; Node has a fetch.
 */
const onlyPools: Plugin = {
  name: 'only-pools',
  setup: (bundler) => {
    bundler.onLoad({ filter: /\/node_modules\/undici\/index\.js$/ }, () => ({
      contents: `
        import Dispatcher from './lib/dispatcher/dispatcher.js'
        import api from './lib/api/index.js'
        Object.assign(Dispatcher.prototype, api)
        export { default as Agent } from './lib/dispatcher/agent.js'
        export { default as Pool } from './lib/dispatcher/pool.js'
        export { default as ProxyAgent } from './lib/dispatcher/proxy-agent.js'
        export const fetch = globalThis.fetch
      `,
    }))
  },
}

/**
 * To bind the names that a module imports from `node:http`, Node reads all of them, among them WebSocket, for which it
 * loads its own undici: a twelfth of a start. `require` reads only what is asked for.
 */
const plainHttp: Plugin = {
  name: 'plain-http',
  setup: (bundler) => {
    bundler.onResolve({ filter: /^(node:)?http$/ }, ({ kind }) =>
      kind === 'import-statement' ? { path: 'http', namespace: 'required' } : undefined,
    )
    bundler.onLoad({ filter: /^http$/, namespace: 'required' }, () => ({
      contents: `module.exports = require('node:http')`,
    }))
  },
}

/** Packages that are CommonJS inside find `require` through the banner. */
const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  banner: { js: banner },
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [withoutModels, onlyPools, plainHttp],
  define: { 'process.env.NODE_ENV': '"production"' },
}

/** All commands of the image in one bundle: no node_modules there, and a start in a third of the time. */
export async function bundleSignet(directory: string): Promise<void> {
  await build({
    ...common,
    entryPoints: { signet: join(root, 'src/cli/main.ts') },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
  })
  await chmod(join(directory, 'signet.mjs'), 0o755)
}

/**
 * The kubectl plugin as one file, to be copied anywhere on the PATH. kubectl finds it by its bare name; Node sees by
 * the imports, for want of an extension, that it is a module.
 */
export async function bundlePlugin(file: string): Promise<void> {
  await build({ ...common, entryPoints: [join(root, 'src/cli/kubectl/main.ts')], outfile: file })
  await chmod(file, 0o755)
}
