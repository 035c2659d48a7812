/** The field manager of every server-side apply of the controller: managed fields name it as the owner. */
export const fieldManager = 'signet-controller'
