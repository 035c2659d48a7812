import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Log, silent } from './log.ts'
import { type ProcessIdentity, identify, isAlive } from './process-identity.ts'

export interface LockOptions {
  /** The holder's purpose, which waiting processes print. */
  what: string
  limitMs: number
  log?: Log
}

/** Runs one task a machine at a time. A lock whose holder is gone is taken over. */
export async function withLock<T>(file: string, options: LockOptions, task: () => Promise<T>): Promise<T> {
  await acquire(file, options)
  try {
    return await task()
  } finally {
    await rm(file, { force: true })
  }
}

async function acquire(file: string, { what, limitMs, log = silent }: LockOptions): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const deadline = Date.now() + limitMs
  let told = false
  while (!(await tryAcquire(file, what))) {
    const holder = await readHolder(file)
    if (Date.now() >= deadline) {
      throw new Error(`waited ${Math.round(limitMs / 1000)} s for lock ${file}, held by ${describe(holder)}`)
    }
    if (!told && holder) log(`waiting for ${describe(holder)}`)
    told = true
    await sleep(250)
  }
}

async function tryAcquire(file: string, what: string): Promise<boolean> {
  const holder = await readHolder(file)
  // Renames the file before reading it: another process may have taken the lock in between.
  if (holder && !isAlive(holder)) await removeDead(file)
  const own = `${file}.${randomUUID()}`
  await writeFile(own, JSON.stringify({ ...identify(process.pid), what }))
  try {
    await link(own, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(own, { force: true })
  }
}

async function removeDead(file: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  await rename(file, aside).catch(() => undefined)
  const holder = await readHolder(aside)
  if (holder && isAlive(holder)) await link(aside, file).catch(() => undefined)
  await rm(aside, { force: true })
}

type Holder = ProcessIdentity & { what: string }

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Holder
  } catch {
    return undefined
  }
}

function describe(holder: Holder | undefined): string {
  return holder ? `${holder.what} (process ${holder.pid})` : 'another process'
}
