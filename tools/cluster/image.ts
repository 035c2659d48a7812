import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import { cacheKey, directoryParts } from './cache-key.ts'
import { run } from './command.ts'
import { hasContent, importArchive } from './containerd.ts'
import { type Docker, ensureDocker } from './docker.ts'
import { withLock } from './lock.ts'
import { type Log, silent } from './log.ts'
import { nodeBaseArchive, nodeBaseImage } from './node-base.ts'
import { cacheDirectory } from './paths.ts'
import { givenKubeconfig } from './provider-kubeconfig.ts'
import { importIntoK3s } from './provider-k3s.ts'
import { readRecord } from './record.ts'

export { nodeBaseImage } from './node-base.ts'

export interface BuildOptions {
  contextDirectory: string
  /** Relative to the context; default `Dockerfile`. */
  dockerfile?: string
  tag: string
  buildArgs?: Record<string, string>
  log?: Log
}

/**
 * Builds with `docker build` and loads the image into the cluster. Its key is the content of context, Dockerfile,
 * arguments and base: what is unchanged is neither built nor loaded again.
 */
export async function buildImage(options: BuildOptions): Promise<void> {
  const { tag, log = silent } = options
  const base = await nodeBaseArchive()
  const key = await buildKey(options, base.key)
  const archive = join(cacheDirectory, 'images', `${fileNameOf(tag)}-${key}.tar`)
  await withLock(imageLock, { what: `the build of ${tag}`, limitMs: 15 * 60_000, log }, async () => {
    if (existsSync(archive)) return
    await build(options, base.archive, archive)
    await prune(tag)
  })
  await loadArchive(archive, tag, key, log)
}

/** Loads an image of the Docker daemon into the cluster. */
export async function loadImage(image: string, log: Log = silent): Promise<void> {
  const docker = await ensureDocker(log)
  const directory = join(cacheDirectory, 'images')
  await mkdir(directory, { recursive: true })
  const work = await mkdtemp(join(directory, 'load-'))
  try {
    const archive = join(work, 'image.tar')
    await save(docker, image, archive)
    const { stdout } = await run(docker.command, ['image', 'inspect', '--format', '{{.Id}}', image], {
      env: docker.env,
    })
    await loadArchive(archive, image, stdout.trim().replace('sha256:', ''), log)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The Node base in the cluster, for pods that run a script on it directly. */
export async function ensureNodeBaseImage(log: Log = silent): Promise<void> {
  const { archive, key } = await nodeBaseArchive()
  await loadArchive(archive, nodeBaseImage, key, log)
}

const imageLock = join(cacheDirectory, 'images.lock')

async function build(options: BuildOptions, baseArchive: string, archive: string): Promise<void> {
  const { contextDirectory, tag, buildArgs = {}, log = silent } = options
  const docker = await ensureDocker(log)
  const env = docker.env
  await run(docker.command, ['load', '--input', baseArchive], { env, timeoutMs: 300_000 })
  log(`building image ${tag}`)
  const args = Object.entries(buildArgs).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
  await run(
    docker.command,
    // Our own dockerd has no bridge; a step that needs the network has the host's.
    ['build', '--network=host', '--file', dockerfileOf(options), '--tag', tag, ...args, contextDirectory],
    { env, timeoutMs: 15 * 60_000, onLine: log },
  )
  await rm(archive, { force: true })
  await save(docker, tag, archive)
}

async function save(docker: Docker, image: string, archive: string): Promise<void> {
  await mkdir(dirname(archive), { recursive: true })
  await run(docker.command, ['save', '--output', `${archive}.new`, image], { env: docker.env, timeoutMs: 300_000 })
  await rename(`${archive}.new`, archive)
}

async function loadArchive(archive: string, image: string, key: string, log: Log): Promise<void> {
  if (givenKubeconfig()) {
    log(`image ${image} is not loaded: push it where the cluster of SIGNET_TEST_KUBECONFIG pulls from`)
    return
  }
  const record = await readRecord()
  if (!record) throw new Error(`cannot load image ${image}: no cluster is running`)
  if (record.provider === 'k3s') {
    await importIntoK3s(record.containerId, archive)
    return
  }
  if (await hasContent(record.ctr, image, key)) return
  log(`loading image ${image}`)
  await importArchive(record.ctr, archive, image, key)
}

async function buildKey(options: BuildOptions, baseKey: string): Promise<string> {
  const ignored = await ignoredPaths(options.contextDirectory)
  const skip = (path: string) => ignored.includes(path)
  return cacheKey({
    ...directoryParts(options.contextDirectory, skip),
    dockerfile: await readFile(dockerfileOf(options)),
    arguments: JSON.stringify(Object.entries(options.buildArgs ?? {}).sort()),
    base: baseKey,
    tag: options.tag,
  })
}

/** The plain names of .dockerignore. To ignore a pattern here is safe: at worst an image is built once more. */
async function ignoredPaths(contextDirectory: string): Promise<string[]> {
  const text = await readFile(join(contextDirectory, '.dockerignore'), 'utf8').catch(() => '')
  const lines = text.split('\n').map((line) => line.trim().replace(/^\/|\/$/g, ''))
  // An exception (!) may bring back a part of what another line ignores.
  return lines.some((line) => line.startsWith('!')) ? ['.git'] : ['.git', ...lines]
}

/** Old images of the tag go, the three newest stay: switching between two branches builds nothing. */
async function prune(tag: string): Promise<void> {
  const directory = join(cacheDirectory, 'images')
  const pattern = new RegExp(`^${fileNameOf(tag).replaceAll('.', String.raw`\.`)}-[0-9a-f]{20}\\.tar$`)
  const names = (await readdir(directory)).filter((name) => pattern.test(name))
  const dated = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(directory, name))).mtimeMs })),
  )
  const old = dated.sort((a, b) => b.at - a.at).slice(3)
  for (const { name } of old) await rm(join(directory, name), { force: true })
}

function dockerfileOf({ contextDirectory, dockerfile = 'Dockerfile' }: BuildOptions): string {
  return isAbsolute(dockerfile) ? dockerfile : join(contextDirectory, dockerfile)
}

function fileNameOf(tag: string): string {
  return tag.replaceAll(/[^\w.-]+/g, '-')
}
