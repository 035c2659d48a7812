import { installChart, loadImages } from '../../scripts/install.ts'
import { down, up } from '../../tools/cluster/cluster.ts'
import { values } from './values.ts'

const log = (line: string): void => void process.stderr.write(`  ${line}\n`)

/** Brings the cluster up with the chart installed, once for all end-to-end tests; ends it unless it was asked to stay. */
export async function setup(): Promise<() => Promise<void>> {
  const cluster = await up({ owner: 'test', log })
  await loadImages(log)
  log('installing the chart')
  await installChart(cluster, values)
  return async () => {
    if (process.env['SIGNET_KEEP_CLUSTER'] === undefined) await down({ log })
  }
}
