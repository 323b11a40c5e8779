const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** Whether a host, as `URL.hostname` has it, is this machine. */
export const isLoopback = (hostname: string): boolean => LOOPBACK.has(hostname);

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

/** The GUID of the instance with which hosts of Secrets Manager begin; null where one does not. */
export const instanceInHost = (hostname: string): string | null => GUID.exec(hostname)?.[0] ?? null;

/** What `isServiceUrl` allows, in words. */
export const SERVICE_URL_RULE =
  'an https address without user, query and fragment (plain http only for a loopback address)';

/** Whether credentials may be sent to an address: over TLS, or within this machine. */
export function isServiceUrl(text: string): boolean {
  // The parser forgives blanks around an address, and an empty query; what sends to it does not.
  if (/[\s?#]/.test(text) || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  const isPrivate = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
  return isPrivate && username + password + search + hash === '';
}
