import { current, down, status, up } from './cluster.ts'
import { loadImage } from './image.ts'

const usage = `usage: npm run cluster -- up | down | status | kubeconfig | load IMAGE`

const log = (line: string): void => console.error(line)

async function main([command = '', ...args]: string[]): Promise<number> {
  switch (command) {
    case 'up': {
      const { kubeconfig } = await up({ owner: 'manual', log })
      console.log(`export KUBECONFIG=${kubeconfig}`)
      return 0
    }
    case 'down':
      await down({ log })
      return 0
    case 'status': {
      const found = await status()
      console.log(JSON.stringify(found, null, 2))
      return found.state === 'broken' ? 1 : 0
    }
    case 'kubeconfig': {
      const cluster = await current()
      if (!cluster) throw new Error('no cluster is running; start one with: npm run cluster -- up')
      console.log(cluster.kubeconfig)
      return 0
    }
    case 'load': {
      const [image] = args
      if (!image) throw new Error(usage)
      await loadImage(image)
      return 0
    }
    default:
      console.error(usage)
      return 2
  }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(describe(error))
  process.exitCode = 1
}

/** The message and those of its causes, each once. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : describe(error.cause)
  return cause === '' || error.message.includes(cause) ? error.message : `${error.message}: ${cause}`
}
