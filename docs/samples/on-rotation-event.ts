import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';

/** Standard Webhooks: an older or later message is a replay, or comes from a wrong clock. */
const WINDOW_S = 300;

const SHORTEST_SECRET = 32;

/** More than a sender repeats within its retries. */
const REMEMBERED_IDS = 1_000;

/** Event Notifications sends 64 KB at most, Keyrota 20 kB. */
const LARGEST_BYTES = 64_000;

const ROTATED = 'com.ibm.cloud.secrets-manager.secret_rotated';

/** Notices after which there is another key in the secret. */
const NEW_KEY = new Set(['key.rotated', 'key.replaced']);

export interface RotationEventsOptions {
  secret: { id: string; name: string };
  /** `whsec_…` of Keyrota's notices: the current one, and while it is changed the former. Without any the path is closed. */
  noticeSecrets: readonly string[];
  /** What Event Notifications sends in its header `Authorization`, after `Bearer `; as many. */
  eventSecrets: readonly string[];
  /** Usually `() => keys.lookSoon()`. */
  onNewKey: () => void;
  nowMs?: () => number;
}

export interface Delivery {
  path: string;
  headers: IncomingHttpHeaders;
  /** As they came: a signature is over bytes. */
  body: Buffer;
}

/** Hears that there is a new key. What it is told it only uses to look: whoever could forge a message would cause a look. */
export class RotationEvents {
  readonly #options: Required<RotationEventsOptions>;
  readonly #seen = new Set<string>();

  constructor(options: RotationEventsOptions) {
    this.#options = { nowMs: Date.now, ...options };
    const secrets = [...options.noticeSecrets, ...options.eventSecrets];
    // A variable that is empty must not open the door to everybody.
    if (secrets.some(({ length }) => length < SHORTEST_SECRET)) throw new Error('A secret is empty or too short.');
  }

  /** Takes one delivery. Returns the status to answer with. */
  receive({ path, headers, body }: Delivery): number {
    if (body.length > LARGEST_BYTES) return 413;
    if (path === '/keyrota') return this.#notice(headers, body);
    return path === '/event-notifications' ? this.#event(headers, body) : 404;
  }

  /** A notice of Keyrota itself, by Standard Webhooks. */
  #notice(headers: IncomingHttpHeaders, body: Buffer): number {
    const { noticeSecrets, secret, nowMs } = this.#options;
    if (!noticeSecrets.some((one) => isSigned(headers, body, one, nowMs()))) return 401;
    const id = String(headers['webhook-id']);
    if (this.#seen.has(id)) return 204;
    const notice = parsed(body);
    if (!notice) return 400;
    this.#remember(id);
    const { type, data } = notice as { type?: unknown; data?: { details?: { secret?: unknown } | null } | null };
    // One that speaks of several keys at once names none.
    const about = data?.details?.secret ?? secret.name;
    if (NEW_KEY.has(String(type)) && about === secret.name) this.#options.onNewKey();
    return 204;
  }

  /** An event of Secrets Manager: it comes a minute or two after the rotation, and tells of up to a hundred secrets. */
  #event(headers: IncomingHttpHeaders, body: Buffer): number {
    const { eventSecrets, secret } = this.#options;
    const given = headers.authorization ?? '';
    if (!eventSecrets.some((one) => isSame(`Bearer ${one}`, given))) return 401;
    const event = parsed(body);
    if (!event) return 400;
    const { type, data } = event as { type?: unknown; data?: { secrets?: unknown } | null };
    const told = Array.isArray(data?.secrets) ? (data.secrets as ({ secret_id?: unknown } | null)[]) : [];
    // A CRN, whose last part is the id.
    const ids = told.map((one) => String(one?.secret_id).split(':').at(-1));
    if (type === ROTATED && ids.includes(secret.id)) this.#options.onNewKey();
    return 204;
  }

  #remember(id: string): void {
    this.#seen.add(id);
    const [oldest] = this.#seen;
    if (this.#seen.size > REMEMBERED_IDS && oldest !== undefined) this.#seen.delete(oldest);
  }
}

function isSigned(headers: IncomingHttpHeaders, body: Buffer, secret: string, nowMs: number): boolean {
  const [id, sentS, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
    String(headers[name] ?? ''),
  );
  if (!id || id.includes('.') || !sentS || !/^\d{1,12}$/.test(sentS)) return false;
  if (Math.abs(nowMs / 1_000 - Number(sentS)) > WINDOW_S) return false;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${sentS}.`).update(body).digest('base64');
  return (signatures ?? '').split(' ').some((one) => isSame(one, `v1,${expected}`));
}

/** In the same time wherever two texts differ, and however long they are. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

function parsed(body: Buffer): object | null {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** Serves it: behind something that speaks HTTPS, at an address that the senders can reach. */
export const serverOf = (events: RotationEvents): Server =>
  createServer((request, response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= LARGEST_BYTES) chunks.push(chunk);
    });
    request.on('end', () => {
      const body = bytes <= LARGEST_BYTES ? Buffer.concat(chunks) : null;
      const { method, url: path = '', headers } = request;
      const status = method === 'POST' ? (body ? events.receive({ path, headers, body }) : 413) : 405;
      response.writeHead(status).end();
    });
  });
