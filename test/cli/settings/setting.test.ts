import { hostname } from 'node:os'
import { Option } from 'commander'
import { describe, expect, it } from 'vitest'
import { authoritySettings } from '../../../src/cli/commands/authority/settings.ts'
import { controllerSettings } from '../../../src/cli/commands/controller/settings.ts'
import { serverCommands } from '../../../src/cli/program.ts'
import { ConfigError, readSettings, type Setting, variableOf } from '../../../src/cli/settings/setting.ts'

const { metricsPort, trustDomain, issuer, issuerScope, nudge, allowedClaims, caLifetime, workers } = controllerSettings
const { tokenLifetime, allowedScopes, callerRate, introspectors } = authoritySettings
const settings = {
  ...{ metricsPort, trustDomain, issuer, issuerScope, nudge, allowedClaims, caLifetime, workers },
  ...{ tokenLifetime, allowedScopes, callerRate, introspectors },
}

describe('settings', () => {
  it('have defaults', () => {
    expect(readSettings(settings, {}, {})).toEqual({
      metricsPort: 8080,
      trustDomain: 'cluster.local',
      issuer: undefined,
      issuerScope: 'cluster',
      nudge: 'Urgent',
      allowedClaims: [],
      caLifetime: 8_760 * 3_600_000,
      workers: 16,
      tokenLifetime: 300_000,
      allowedScopes: [],
      callerRate: 1000,
      introspectors: [],
    })
  })

  it('take the flag before the variable before the default', () => {
    const environment = { SIGNET_METRICS_PORT: '1', SIGNET_NUDGE: 'Never' }
    expect(readSettings(settings, { metricsPort: '2' }, environment)).toMatchObject({ metricsPort: 2, nudge: 'Never' })
    expect(readSettings(settings, {}, { SIGNET_NUDGE: '' })).toMatchObject({ nudge: 'Urgent' })
  })

  it('read lists with spaces and nothing between commas', () => {
    expect(readSettings(settings, { allowedClaims: 'team, ,tier' }, {}).allowedClaims).toEqual(['team', 'tier'])
    const read = readSettings(settings, { introspectors: 'edge/gateway, shop/orders.v2' }, {})
    expect(read.introspectors).toEqual(['edge/gateway', 'shop/orders.v2'])
  })

  it.each([
    ['metricsPort', '70000', '--metrics-port: cannot use "70000": give a whole number from 0 to 65535'],
    ['metricsPort', 'http', '--metrics-port: cannot use "http": give a whole number from 0 to 65535'],
    ['caLifetime', '1 year', '--ca-lifetime: cannot use "1 year": a duration looks like 720h, 30m or 90s'],
    ['issuer', 'http://plain.example', '--issuer: cannot use "http://plain.example": an issuer is an https URL'],
    ['issuer', 'https://example.com/', '--issuer: cannot use "https://example.com/": an issuer is an https URL'],
    ['issuerScope', 'pod', '--issuer-scope: cannot use "pod"'],
    ['trustDomain', 'Example', '--trust-domain: cannot use "Example": a trust domain has lower-case letters'],
    ['tokenLifetime', '59s', '--token-lifetime: cannot use "59s": the lifetime must be from 1m to 1h'],
    ['tokenLifetime', '61m', '--token-lifetime: cannot use "61m": the lifetime must be from 1m to 1h'],
    ['allowedScopes', 'read,a"b', '--allowed-scopes: cannot use "read,a"b": a scope has printable ASCII'],
    ['callerRate', '-1', '--caller-rate: cannot use "-1": give a whole number from 0 to 1000000'],
    ['nudge', 'Sometimes', '--nudge: cannot use "Sometimes": give one of Always, Urgent, Never'],
    [
      'introspectors',
      'edge/gateway,shop',
      '--introspectors: cannot use "edge/gateway,shop": an identity is a namespace',
    ],
    ['introspectors', 'Edge/gateway', '--introspectors: cannot use "Edge/gateway"'],
    ['trustDomain', '', '--trust-domain: cannot use "": a trust domain has'],
  ] as const)('refuse %s %s and name flag, value and remedy', (name, value, message) => {
    const read = () => readSettings(settings, { [name]: value }, {})
    expect(read).toThrow(ConfigError)
    expect(read).toThrow(message)
  })

  it('name the variable where that is where the value came from', () => {
    expect(() => readSettings({ workers }, {}, { SIGNET_WORKERS: '0' })).toThrow('SIGNET_WORKERS: cannot use "0"')
    expect(Object.values(authoritySettings).map(variableOf)).toContain('SIGNET_CERTIFICATE_DIRECTORY')
  })

  it.each(serverCommands)('of $name have the names under which their flags are parsed', ({ settings: all }) => {
    for (const [name, { flag }] of Object.entries<Setting>(all)) {
      expect(new Option(`--${flag} <VALUE>`).attributeName()).toBe(name)
    }
  })

  it('name a replica by its host by default', () => {
    const { identity } = controllerSettings
    expect(readSettings({ identity }, {}, { SIGNET_IDENTITY: '' })).toEqual({ identity: hostname() })
    expect(readSettings({ identity }, { identity: 'one' }, {})).toEqual({ identity: 'one' })
  })
})
