import { describe, expect, it } from 'vitest'
import { isLater, keyOf, withGroupVersionKind } from '../../../src/kube/client/object.ts'
import { acceptOf, searchOf } from '../../../src/kube/client/query.ts'
import { apiVersionOf, pathOf, resources } from '../../../src/kube/client/resource.ts'

describe('pathOf', () => {
  it.each([
    [resources.secrets, {}, undefined, '/api/v1/secrets'],
    [resources.secrets, { namespace: 'shop' }, undefined, '/api/v1/namespaces/shop/secrets'],
    [resources.pods, { namespace: 'shop', name: 'a' }, 'status', '/api/v1/namespaces/shop/pods/a/status'],
    [resources.namespaces, { name: 'shop' }, undefined, '/api/v1/namespaces/shop'],
    [
      resources.serviceIdentities,
      { namespace: 'shop' },
      undefined,
      '/apis/signet.dev/v1alpha1/namespaces/shop/serviceidentities',
    ],
    [resources.secrets, { namespace: 'a/b', name: '../x?y' }, undefined, '/api/v1/namespaces/a%2Fb/secrets/..%2Fx%3Fy'],
  ])('of %o %o %s', (resource, ref, subresource, path) => {
    expect(pathOf(resource, ref, subresource)).toBe(path)
  })

  it('refuses what would be another path', () => {
    expect(() => pathOf(resources.secrets, { name: 'a' })).toThrow(TypeError)
    expect(() => pathOf(resources.secrets, { namespace: '', name: 'a' })).toThrow(TypeError)
    expect(() => pathOf(resources.secrets, { namespace: 'shop', name: '' })).toThrow(TypeError)
    expect(() => pathOf(resources.namespaces, { namespace: 'shop', name: 'a' })).toThrow(TypeError)
    expect(() => pathOf(resources.secrets, { namespace: 'shop' }, 'status')).toThrow(TypeError)
  })
})

describe('an object', () => {
  it('gets the apiVersion and kind that a list leaves out, and keeps its own', () => {
    const metadata = { name: 'a' }
    expect(withGroupVersionKind(resources.leases, { metadata })).toEqual({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata,
    })
    const own = { apiVersion: 'x', kind: 'y', metadata }
    expect(withGroupVersionKind(resources.leases, own)).toBe(own)
    expect(apiVersionOf(resources.secrets)).toBe('v1')
  })

  it('is named by namespace and name', () => {
    expect(keyOf({ namespace: 'shop', name: 'a' })).toBe('shop/a')
    expect(keyOf({ name: 'a' })).toBe('a')
  })

  it('is later by its version as a whole number of any length', () => {
    expect(isLater('10', '9')).toBe(true)
    expect(isLater('9', '10')).toBe(false)
    expect(isLater('10', '10')).toBe(false)
    expect(isLater('18446744073709551616', '18446744073709551615')).toBe(true)
    expect(isLater('1', undefined)).toBe(true)
    expect(isLater(undefined, '1')).toBe(false)
  })
})

describe('a query', () => {
  it('leaves out what is undefined and escapes the rest', () => {
    expect(searchOf({}, {})).toBe('')
    expect(
      searchOf(
        { labelSelector: 'a in (b,c)', namespace: 'shop' },
        { limit: 5, watch: true, continue: undefined, resourceVersion: '' },
      ),
    ).toBe('?labelSelector=a+in+%28b%2Cc%29&limit=5&watch=true&resourceVersion=')
  })

  it('asks for metadata alone by its media type', () => {
    expect(acceptOf(false, '')).toBe('application/json')
    expect(acceptOf(true, 'List')).toBe('application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1')
  })
})
