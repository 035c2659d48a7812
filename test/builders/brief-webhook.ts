import { webhookSettings } from '../../src/cli/commands/webhook/settings.ts'
import { runWebhook } from '../../src/cli/commands/webhook/webhook.ts'
import { readSettings } from '../../src/cli/settings/setting.ts'

/**
 * `signet webhook` with a drain of so many milliseconds, the first argument, for tests that cannot wait for that of
 * production. The second argument is the settings as JSON. The process ends by itself after SIGTERM.
 */
const [drainMs = '', settings = '{}'] = process.argv.slice(2)
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
const flags = Object.entries(JSON.parse(settings) as Record<string, string | number>)
const texts = Object.fromEntries(flags.map(([name, value]) => [name, String(value)]))
await runWebhook(readSettings(webhookSettings, texts, {}), stop.signal, Number(drainMs))
