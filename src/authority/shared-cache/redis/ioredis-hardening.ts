import { Command, Redis } from 'ioredis'
import dataHandler from 'ioredis/built/DataHandler.js'
import { clusterSlots } from './cluster-slots.ts'
import { ReplyLimits } from './resp-reply-limits.ts'

/** The internal reply reader of ioredis, as far as this file uses it. */
interface DataHandler {
  dispatch(this: DataHandler, work: () => void): void
  returnFatalError(error: unknown): void
}
interface DataHandlerClass {
  readonly prototype: DataHandler
}

/** The method that opens every connection. */
interface Connecting {
  connect: (this: Redis, ...given: Parameters<Redis['connect']>) => Promise<void>
}

let hardened = false

/**
 * Patches ioredis against a malicious server, for every connection, including those that ioredis opens itself. Unpatched,
 * such a server ends the process: by an error thrown where no caller can catch it, or by exhausting the memory. Patched, it
 * ends only its connection.
 */
export function hardenIoredis(): void {
  if (hardened) return
  hardened = true
  readerOf(dataHandler).prototype.dispatch = function (work) {
    try {
      work()
    } catch (error) {
      this.returnFatalError(error)
    }
  }
  Command.setReplyTransformer('cluster', clusterSlots)
  const prototype: Connecting = Redis.prototype
  const { connect } = prototype
  prototype.connect = function (...given) {
    this.removeListener('connect', guard)
    this.on('connect', guard)
    return connect.apply(this, given)
  }
}

/** The class is the default export of a CommonJS module, which Node and bundlers import differently. */
function readerOf(module: unknown): DataHandlerClass {
  const { default: inner = module } = module as { default?: unknown }
  return inner as DataHandlerClass
}

/** Checks incoming bytes before ioredis reads them. Supports RESP 2 only; ioredis has added its listener by now. */
function guard(this: Redis): void {
  const { stream, options } = this
  if (options.protocol !== 2) return
  const [read] = stream.listeners('data') as ((chunk: Buffer) => void)[]
  if (read === undefined) throw new Error('this version of ioredis reads its connections differently')
  const limits = new ReplyLimits()
  let problem: string | undefined
  stream.off('data', read)
  stream.prependListener('data', (chunk: Buffer) => {
    if (problem !== undefined) return
    problem = limits.problemIn(chunk)
    if (problem === undefined) read(chunk)
    else stream.destroy(new Error(problem))
  })
}
