/** What the end-to-end tests set of the chart: an extra claim that identities may ask for. */
export const values = { allowedClaims: '{team}' }
