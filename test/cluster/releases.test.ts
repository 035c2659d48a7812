import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { goModules } from '../../tools/cluster/go-modules.ts'
import { nodePackages } from '../../tools/cluster/packages.ts'
import { goDirectory, projectDirectory } from '../../tools/cluster/paths.ts'
import { minors, newestMinor, oldestMinor, releases, wantedMinor } from '../../tools/cluster/releases.ts'

const goMod = (module: string) => readFileSync(join(goDirectory, module, 'go.mod'), 'utf8')

describe('wantedMinor', () => {
  it.each([
    ['the newest where SIGNET_KUBERNETES is not set', {}, newestMinor],
    ['the newest where SIGNET_KUBERNETES is empty', { SIGNET_KUBERNETES: '' }, newestMinor],
    ['the one that SIGNET_KUBERNETES names', { SIGNET_KUBERNETES: '1.34' }, '1.34'],
  ] as const)('is %s', (_, environment, expected) => {
    expect(wantedMinor(environment)).toBe(expected)
  })

  it.each(['1.36', 'v1.37', '1.37.2', 'toString'])('refuses %s and names the supported ones', (named) => {
    expect(() => wantedMinor({ SIGNET_KUBERNETES: named })).toThrow(
      `cannot run Kubernetes "${named}", named by SIGNET_KUBERNETES: supported are 1.37, 1.34`,
    )
  })
})

describe('releases', () => {
  it('are listed from the newest to the oldest', () => {
    expect([minors[0], minors.at(-1)]).toEqual([newestMinor, oldestMinor])
  })

  it.each(minors)('%s is the version that its go.mod requires, of every part of Kubernetes', (minor) => {
    const { version } = releases[minor]
    const text = goMod(`kubernetes-${minor}`)
    expect(version).toMatch(`v${minor}.`)
    expect(text).toContain(`\tk8s.io/kubernetes ${version} // indirect\n`)
    const parts = [...text.matchAll(/=> k8s\.io\/\S+ (\S+)/g)].map(([, part]) => part)
    expect(new Set(parts)).toEqual(new Set([version.replace('v1.', 'v0.')]))
  })

  it.each(minors)('%s says its version where it is asked', (minor) => {
    const [, minorNumber] = minor.split('.')
    const { ldflags } = goModules[`kubernetes-${minor}`]
    expect(ldflags).toContain(`version.gitVersion=${releases[minor].version} `)
    expect(ldflags).toMatch(new RegExp(`version\\.gitMinor=${minorNumber}$`))
  })

  it('come with the containerd that its go.mod requires', () => {
    const [, version] = /containerd\/v2 (\S+) \/\/ indirect/.exec(goMod('containerd')) ?? []
    expect(goModules.containerd.ldflags).toContain(`version.Version=${version}`)
  })

  it('install the package of containerd only where containerd is not built', () => {
    expect(nodePackages('package')).toEqual(['containerd', ...nodePackages('module')])
  })

  it('are what chart and documentation say', () => {
    const text = (file: string) => readFileSync(join(projectDirectory, file), 'utf8')
    expect(text('charts/signet/Chart.yaml')).toContain(`\nkubeVersion: ">=${oldestMinor}.0-0"\n`)
    for (const file of ['README.md', 'charts/signet/README.md', 'tools/cluster/README.md']) {
      expect(text(file), file).toContain(`Kubernetes ${minors.join(' and ')}`)
    }
  })
})

describe('the modules that are built', () => {
  it.each(Object.keys(goModules))('%s is named after its folder', (module) => {
    expect(goMod(module)).toMatch(`module signet.dev/tools/cluster/${module}\n`)
  })

  it('helm assumes the Kubernetes of its client-go', () => {
    const [, minor] = /k8s\.io\/client-go v0\.(\d+)\./.exec(goMod('helm')) ?? []
    for (const part of ['chartutil', 'lint/rules']) {
      expect(goModules.helm.ldflags).toContain(`${part}.k8sVersionMinor=${minor}`)
    }
  })
})
