import { load } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import { renderKubeconfig } from '../../tools/cluster/kubeconfig.ts'

describe('renderKubeconfig', () => {
  it('embeds every certificate and selects its one context', () => {
    const text = renderKubeconfig({
      cluster: 'signet',
      server: 'https://198.18.0.1:6443',
      user: 'system:serviceaccount:shop:orders',
      certificateAuthority: 'CA',
      clientCertificate: 'CERT',
      clientKey: 'KEY',
    })
    const base64 = (value: string) => Buffer.from(value).toString('base64')
    expect(load(text)).toEqual({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'signet', cluster: { server: 'https://198.18.0.1:6443', 'certificate-authority-data': base64('CA') } },
      ],
      users: [
        {
          name: 'system:serviceaccount:shop:orders',
          user: { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
        },
      ],
      contexts: [{ name: 'signet', context: { cluster: 'signet', user: 'system:serviceaccount:shop:orders' } }],
      'current-context': 'signet',
    })
  })
})
