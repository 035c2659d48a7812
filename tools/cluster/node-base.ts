import { existsSync, realpathSync } from 'node:fs'
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheKey } from './cache-key.ts'
import { run } from './command.ts'
import { writeImageArchive } from './image-archive.ts'
import { cacheDirectory, projectDirectory } from './paths.ts'

export const nodeBaseImage = 'localhost/signet-node-base:24'
export const nonroot = '65532:65532'

export interface BaseArchive {
  archive: string
  key: string
}

/** The archive of the Node base image: node and the libraries it loads, no shell and no package manager. */
export async function nodeBaseArchive(): Promise<BaseArchive> {
  const node = nodeBinary()
  const files = await filesOf(node)
  const contents = await Promise.all(files.map(async ([path, from]) => [path, await readFile(from)] as const))
  const key = cacheKey({ ...Object.fromEntries(contents), ...texts, version: '1' })
  const archive = join(cacheDirectory, 'images', `node-base-${key}.tar`)
  if (!existsSync(archive)) {
    await writeImageArchive({
      image: nodeBaseImage,
      config: {
        user: nonroot,
        entrypoint: ['/usr/local/bin/node'],
        environment: [
          'PATH=/usr/local/bin:/usr/bin:/bin',
          'HOME=/home/nonroot',
          'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt',
        ],
        workingDirectory: '/home/nonroot',
      },
      fill: (root) => fill(root, files),
      archive,
    })
  }
  return { archive, key }
}

type Copy = [path: string, from: string]

async function filesOf(node: string): Promise<Copy[]> {
  const { stdout } = await run('ldd', [node])
  const certificates = '/etc/ssl/certs/ca-certificates.crt'
  return [
    ['/usr/local/bin/node', node],
    ...libraries(stdout).map((path): Copy => [path, realpathSync(path)]),
    ...(existsSync(certificates) ? [[certificates, certificates] as Copy] : []),
  ]
}

/** Paths in the output of ldd; the kernel's own page (vdso) has none. */
export function libraries(ldd: string): string[] {
  return ldd.split('\n').flatMap((line) => /(?:=>\s*|^\s*)(\/\S+)\s+\(0x/.exec(line)?.[1] ?? [])
}

const texts: Record<string, string> = {
  '/etc/passwd': 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  '/etc/group': 'root:x:0:\nnonroot:x:65532:\n',
  '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
}

async function fill(root: string, files: Copy[]): Promise<void> {
  for (const [path, from] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await copyFile(from, join(root, path))
    await chmod(join(root, path), path.startsWith('/etc') ? 0o644 : 0o755)
  }
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text, { mode: 0o644 })
  }
  // Where the distroless image has it, so that a Dockerfile may name either place.
  await mkdir(join(root, 'nodejs/bin'), { recursive: true })
  await symlink('/usr/local/bin/node', join(root, 'nodejs/bin/node'))
  await mkdir(join(root, 'home/nonroot'), { recursive: true })
  await mkdir(join(root, 'tmp'))
  await chmod(join(root, 'tmp'), 0o1777)
}

/** The Node of the project's own package, which is the version that the image promises; else the running one. */
function nodeBinary(): string {
  const installed = join(projectDirectory, 'node_modules', `node-linux-${process.arch}`, 'bin/node')
  return existsSync(installed) ? installed : process.execPath
}
