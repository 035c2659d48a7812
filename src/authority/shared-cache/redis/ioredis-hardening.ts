import { Command, Redis } from 'ioredis'
import dataHandler from 'ioredis/built/DataHandler.js'
import { clusterSlots } from './cluster-slots.ts'
import { ReplyShape } from './resp-reply-limits.ts'

/** What the library reads answers with, as far as it is known here. */
interface DataHandler {
  dispatch(this: DataHandler, work: () => void): void
  returnFatalError(error: unknown): void
}
interface DataHandlerClass {
  readonly prototype: DataHandler
}

/** What every connection begins with. */
interface Connecting {
  connect: (this: Redis, ...given: Parameters<Redis['connect']>) => Promise<void>
}

let defended = false

/**
 * Has every connection of the library survive a server that is none, those that the library makes for itself included:
 * its process would end, by what is thrown where nobody can catch it or for want of memory. Here the connection does.
 */
export function defendClients(): void {
  if (defended) return
  defended = true
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

/** The class is the default export of a module of the older kind, which Node gives whole and others do not. */
function readerOf(module: unknown): DataHandlerClass {
  const { default: inner = module } = module as { default?: unknown }
  return inner as DataHandlerClass
}

/** Looks at what comes before the library does, whose listener is there by now. Knows the older protocol alone. */
function guard(this: Redis): void {
  const { stream, options } = this
  if (options.protocol !== 2) return
  const [read] = stream.listeners('data') as ((chunk: Buffer) => void)[]
  if (read === undefined) throw new Error('ioredis reads its connections in another way than it did')
  const shape = new ReplyShape()
  let problem: string | undefined
  stream.off('data', read)
  stream.prependListener('data', (chunk: Buffer) => {
    if (problem !== undefined) return
    problem = shape.problemIn(chunk)
    if (problem === undefined) read(chunk)
    else stream.destroy(new Error(problem))
  })
}
