import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { run } from './command.ts'

export interface ImageConfig {
  user?: string
  entrypoint?: string[]
  environment?: string[]
  workingDirectory?: string
}

export interface ImageInput {
  image: string
  config: ImageConfig
  /** Fills the root directory of the one layer. */
  fill: (root: string) => Promise<void>
  archive: string
}

/** Writes an image of one layer as an archive that `docker load` and `ctr images import` read; no engine is needed. */
export async function writeImageArchive({ image, config, fill, archive }: ImageInput): Promise<void> {
  await mkdir(dirname(archive), { recursive: true })
  const work = await mkdtemp(`${archive}.building-`)
  try {
    const [root, content] = [join(work, 'root'), join(work, 'content')]
    await mkdir(root)
    await mkdir(content)
    await fill(root)
    await tar(root, join(content, 'layer.tar'))
    const diffId = `sha256:${await sha256(join(content, 'layer.tar'))}`
    await writeFile(join(content, 'config.json'), JSON.stringify(imageConfig(config, diffId)))
    const manifest = [{ Config: 'config.json', RepoTags: [image], Layers: ['layer.tar'] }]
    await writeFile(join(content, 'manifest.json'), JSON.stringify(manifest))
    await tar(content, join(work, 'image.tar'))
    await rename(join(work, 'image.tar'), archive)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Equal content gives an equal archive: names sorted, no owners, no times. */
async function tar(directory: string, file: string): Promise<void> {
  const flags = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu']
  await run('tar', [...flags, '-C', directory, '-cf', file, '.'], { timeoutMs: 120_000 })
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

/** OCI image configuration in Docker's spelling. */
function imageConfig(config: ImageConfig, diffId: string) {
  const created = '1970-01-01T00:00:00Z'
  return {
    created,
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: {
      User: config.user ?? '',
      Env: config.environment ?? [],
      Entrypoint: config.entrypoint ?? null,
      Cmd: null,
      WorkingDir: config.workingDirectory ?? '/',
    },
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, created_by: 'signet' }],
  }
}
