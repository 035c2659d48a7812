import { describe, expect, it } from 'vitest'
import { createLogger } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

const logged = (write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] => {
  const lines: string[] = []
  write(createLogger({ level: 'debug', write: (line) => void lines.push(line), fields: { command: 'test' } }))
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('the log', () => {
  it('writes one JSON object a line, with level, time, message and fields', () => {
    const [line] = logged((logger) => logger.child({ identity: 'shop/orders' }).info('token issued', { kid: 'k' }))
    expect(line).toMatchObject({
      level: 'info',
      command: 'test',
      identity: 'shop/orders',
      message: 'token issued',
      kid: 'k',
    })
    expect(Date.parse(String(line?.['time']))).not.toBeNaN()
  })

  it('tells an error by name, message, code and cause, without a stack', () => {
    const error = Object.assign(new Error('refused', { cause: new Error('closed') }), { code: 'ERR_X' })
    const [line] = logged((logger) => logger.error('failed', { error }))
    expect(line?.['error']).toEqual({ name: 'Error', message: 'refused', code: 'ERR_X', cause: 'closed' })
  })

  it('I3: writes neither tokens nor PEM blocks, whoever hands them over', () => {
    const token = `eyJhbGciOiJFUzI1NiJ9.${'a'.repeat(40)}.${'b'.repeat(86)}`
    const pem = '-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----'
    const text = JSON.stringify(
      logged((logger) => logger.warn(`bad ${token}`, { token, pem, error: new Error(token) })),
    )
    expect(text).not.toContain('eyJ')
    expect(text).not.toContain('bbbb')
    expect(text).not.toContain('MIGHAgEA')
  })
})

describe('the metrics', () => {
  it('are all of our own prefix besides those of the runtime', async () => {
    const names = (await createMetrics().render()).match(/^# TYPE (\S+)/gm) ?? []
    const own = names.filter((name) => name.includes('signet_'))
    expect(own.length).toBeGreaterThan(10)
    expect(names.filter((name) => !/signet_|process_|nodejs_/.test(name))).toEqual([])
  })
})
