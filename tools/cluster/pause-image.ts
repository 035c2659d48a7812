import { existsSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { importArchive } from './containerd.ts'
import { pauseImage } from './containerd-config.ts'
import { writeImageArchive } from './image-archive.ts'
import { cacheDirectory } from './paths.ts'

/** The image that holds a pod's namespaces, from our own program; its cache directory's name is the content key. */
export async function importPauseImage(ctr: string, program: string): Promise<void> {
  const key = basename(dirname(program))
  const archive = join(cacheDirectory, 'images', `${key}.tar`)
  if (!existsSync(archive)) {
    await writeImageArchive({
      image: pauseImage,
      config: { user: '65535:65535', entrypoint: ['/pause'] },
      fill: (root) => copyFile(program, join(root, 'pause')),
      archive,
    })
  }
  await importArchive(ctr, archive, pauseImage, key)
}
