import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { beforeAll, describe, expect, it } from 'vitest'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import { buildTimeout, helm, renderError, renderText, type Values } from './helm.ts'

beforeAll(() => helm(['version']), buildTimeout)

const refused: { title: string; values: Values; says: string[] }[] = [
  {
    title: 'an unknown value',
    values: { trustDomian: 'x' },
    says: ["additional properties 'trustDomian' not allowed"],
  },
  { title: 'an unknown value of a process', values: { webhook: { replica: 3 } }, says: ["'replica'", '/webhook'] },
  { title: 'no replica', values: { authority: { replicas: 0 } }, says: ['/authority/replicas', 'minimum'] },
  { title: 'another nudge', values: { nudge: 'Sometimes' }, says: ['/nudge', "'Always', 'Urgent', 'Never'"] },
  { title: 'another log level', values: { logLevel: 'loud' }, says: ['/logLevel', "'debug', 'info', 'warn', 'error'"] },
  { title: 'a trust domain in capitals', values: { trustDomain: 'Example' }, says: ['/trustDomain', 'pattern'] },
  { title: 'an issuer over HTTP', values: { issuer: { url: 'http://x' } }, says: ['/issuer/url', 'https://'] },
  { title: 'an issuer ending with a slash', values: { issuer: { url: 'https://x/' } }, says: ['/issuer/url'] },
  { title: 'an issuer with a query', values: { issuer: { url: 'https://x/?a=b' } }, says: ['/issuer/url'] },
  { title: 'another scope', values: { issuer: { scope: 'pod' } }, says: ['/issuer/scope', "'cluster', 'namespace'"] },
  { title: 'a reserved claim', values: { allowedClaims: ['sub'] }, says: ['/allowedClaims/0'] },
  { title: 'a claim with a comma', values: { allowedClaims: ['a,b'] }, says: ['/allowedClaims/0', 'pattern'] },
  { title: 'a claim twice', values: { allowedClaims: ['a', 'a'] }, says: ['/allowedClaims', 'equal'] },
  {
    title: 'an introspector without a namespace',
    values: { authority: { introspectors: [{ name: 'gateway' }] } },
    says: ['/authority/introspectors/0', 'namespace'],
  },
  {
    title: 'a token lifetime in days',
    values: { tokenExchange: { lifetime: '1d' } },
    says: ['/tokenExchange/lifetime'],
  },
  {
    title: 'a scope with a comma',
    values: { tokenExchange: { allowedScopes: ['a,b'] } },
    says: ['/tokenExchange/allowedScopes/0', 'pattern'],
  },
  { title: 'a negative rate', values: { rateLimits: { perCaller: -1 } }, says: ['/rateLimits/perCaller', 'minimum'] },
  { title: 'a namespace that is none', values: { watchNamespaces: ['Shop'] }, says: ['/watchNamespaces/0', 'pattern'] },
  { title: 'a lifetime in days', values: { certificates: { caLifetime: '365d' } }, says: ['/certificates/caLifetime'] },
  {
    title: 'a Secret name that is none',
    values: { keyEncryption: { secretName: 'My Keys' } },
    says: ['/keyEncryption/secretName', 'pattern'],
  },
  { title: 'a Redis URL with a password', values: { redis: { url: 'redis://u:p@cache' } }, says: ['/redis/url'] },
  {
    title: 'a Redis URL of another scheme',
    values: { redis: { url: 'http://cache' } },
    says: ['/redis/url', 'pattern'],
  },
  {
    title: 'a Redis password as a value',
    values: { redis: { passwordSecret: 'hunter2' } },
    says: ['/redis/passwordSecret', 'want object'],
  },
  {
    title: 'autoscaling of the webhook',
    values: { webhook: { autoscaling: { enabled: true } } },
    says: ['/webhook/autoscaling'],
  },
  {
    title: 'autoscaling without end',
    values: { authority: { autoscaling: { maxReplicas: 0 } } },
    says: ['/authority/autoscaling/maxReplicas', 'minimum'],
  },
  {
    title: 'text for a boolean',
    values: { admissionPolicies: { enabled: 'no' } },
    says: ['/admissionPolicies/enabled', 'want boolean'],
  },
  { title: 'a digest that is none', values: { image: { digest: 'latest' } }, says: ['/image/digest', 'pattern'] },
  {
    title: 'a CIDR that is none',
    values: { networkPolicy: { apiServerCIDRs: ['api'] } },
    says: ['/networkPolicy/apiServerCIDRs/0'],
  },
]

describe('a value outside the schema', () => {
  it.each(refused)('is refused: $title', async ({ values, says }) => {
    const error = await renderError(values)
    expect(error).toContain("values don't meet the specifications of the schema(s)")
    for (const text of says) expect(error).toContain(text)
  })
})

describe('values', () => {
  it('may come with the globals of a parent chart', async () => {
    await expect(renderText({ global: { anything: true } })).resolves.toContain('name: signet-controller')
  })

  it('of introspectors, as the documentation shows them, are a setting of the authority', async () => {
    const page = await readFile(join(projectDirectory, 'docs/guides/introspection.md'), 'utf8')
    const values = load(/```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '') as Values
    expect(await renderText(values)).toContain('--introspectors=edge/gateway"')
  })

  it('that are empty for the issuer give the authority of the release namespace', async () => {
    expect(await renderText({}, ['--namespace', 'elsewhere'])).toContain(
      '--issuer=https://signet-authority.elsewhere.svc"',
    )
  })
})
