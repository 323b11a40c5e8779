import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import { z } from 'zod';
import type { CloudEnv, CloudParts } from '../parts.ts';
import { validate } from '../validation.ts';
import { NoticeRefusal } from './errors.ts';

const TOLERANCE_S = 300;

const Message = z.strictObject({
  type: z.string().regex(/^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$/, 'is no name of an event'),
  timestamp: z.iso.datetime({ offset: true, error: 'is not a time of RFC 3339' }),
  data: z.record(z.string(), z.unknown()),
});

/** A message of Standard Webhooks as it was taken. */
export interface WebhookNotice {
  /** `webhook-id`. */
  id: string;
  atMs: number;
  /** How often it came, the first time included. */
  times: number;
  body: z.infer<typeof Message>;
}

const notSigned = (what: string) => new NoticeRefusal(401, what);

/** A receiver that takes Standard Webhooks 1.0.0, signed with HMAC: https://www.standardwebhooks.com */
export class StandardWebhooks {
  readonly #parts: CloudParts;
  readonly #key: Buffer;
  readonly #notices = new Map<string, { notice: WebhookNotice; text: string }>();

  constructor(parts: CloudParts, secret: string) {
    this.#parts = parts;
    this.#key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  }

  /** In the order in which they came first. */
  list(): WebhookNotice[] {
    return [...this.#notices.values()].map(({ notice }) => notice);
  }

  /** Takes the message of a request, once however often it comes. Throws 400, 401 and 415. */
  async take(context: Context<CloudEnv>): Promise<void> {
    const bytes = Buffer.from(await context.req.arrayBuffer());
    const id = this.#verify(context, bytes);
    const [type = ''] = (context.req.header('content-type') ?? '').split(';', 1);
    if (type.trim().toLowerCase() !== 'application/json')
      throw new NoticeRefusal(415, 'The body is not declared JSON.');
    const text = bytes.toString();
    const known = this.#notices.get(id);
    if (known && known.text !== text) throw new NoticeRefusal(400, 'There was another body with that webhook-id.');
    if (known) known.notice.times += 1;
    else this.#notices.set(id, { text, notice: { id, atMs: this.#parts.clock.nowMs(), times: 1, body: bodyIn(text) } });
  }

  /** The id of a message that is signed. Throws 401. */
  #verify(context: Context<CloudEnv>, bytes: Buffer): string {
    const [id = '', timestamp = '', signatures = ''] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(
      (name) => context.req.header(name),
    );
    if (!/^[^.\s]+$/.test(id)) throw notSigned('The webhook-id is missing or has a dot.');
    if (!/^[1-9]\d{0,11}$/.test(timestamp)) throw notSigned('The webhook-timestamp is not a whole number of seconds.');
    const offS = Math.abs(this.#parts.clock.nowMs() / 1_000 - Number(timestamp));
    if (offS > TOLERANCE_S) throw notSigned(`The webhook-timestamp is off by more than ${TOLERANCE_S} s.`);
    const expected = createHmac('sha256', this.#key).update(`${id}.${timestamp}.`).update(bytes).digest();
    const isOurs = signatures.split(' ').some((signature) => {
      const [, encoded = ''] = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(signature) ?? [];
      const given = Buffer.from(encoded, 'base64');
      return given.byteLength === expected.byteLength && timingSafeEqual(given, expected);
    });
    if (!isOurs) throw notSigned('No signature of version 1 in webhook-signature is good.');
    return id;
  }
}

/** Throws 400. */
function bodyIn(text: string): z.infer<typeof Message> {
  const checked = validate(Message, jsonIn(text));
  if (checked.ok) return checked.data;
  const { property, missing, reason } = checked.violation;
  throw new NoticeRefusal(400, `${property} ${missing ? 'is missing' : reason}`);
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
