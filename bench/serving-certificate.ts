import { SecretFolder, ServingAuthority } from '../test/builders/serving-certificate.ts'

/** A folder with `tls.crt`, `tls.key` and `ca.crt` as kubelet mounts them, made for this run. */
export async function withServingCertificate<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const folder = await SecretFolder.create()
  try {
    const authority = await ServingAuthority.create()
    await folder.write(await authority.issue())
    return await use(folder.path)
  } finally {
    await folder.remove()
  }
}
