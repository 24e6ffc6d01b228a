/** Licences that let anybody pass copies and conversions on, for any purpose, when the notice is kept. */
const FREE = /^(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|Unlicense|CC0-1\.0|CC-BY(-SA)?-\d\.\d)$/;

/**
 * Why converted weights under a licence (SPDX identifier) may not be served to everybody, as the end of a sentence;
 * undefined when they may. Not legal advice: what is not known to be allowed is not done unasked.
 */
export function redistributionLimit(license: string | null): string | undefined {
  if (license === null) return "no licence is known, so that nobody is allowed to pass it on";
  if (FREE.test(license)) return undefined;
  if (/-ND(-|$)/.test(license)) return `${license} forbids to pass on conversions`;
  if (/-NC(-|$)/.test(license)) return `${license} lets it be passed on for non-commercial purposes only`;
  return `${license} is not known to let it be passed on`;
}
