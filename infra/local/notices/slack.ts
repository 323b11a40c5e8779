import { timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import { z } from 'zod';
import type { CloudEnv, CloudParts } from '../parts.ts';
import { jsonOf } from '../validation.ts';
import { NoticeRefusal } from './errors.ts';

// https://docs.slack.dev/reference/block-kit/blocks
const TEXT_MAX = { message: 40_000, section: 3_000, field: 2_000, header: 150 };
const BLOCKS_MAX = 50;
const PARTS_MAX = 10;

const textOf = (most: number) =>
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('mrkdwn'), text: z.string().min(1).max(most), verbatim: z.boolean().optional() }),
    z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(most), emoji: z.boolean().optional() }),
  ]);

const blockId = { block_id: z.string().max(255).optional() };

/** The blocks that a notice can need. */
const Block = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('divider'), ...blockId }),
  z.strictObject({
    type: z.literal('header'),
    text: z.strictObject({
      type: z.literal('plain_text'),
      text: z.string().min(1).max(TEXT_MAX.header),
      emoji: z.boolean().optional(),
    }),
    ...blockId,
  }),
  z.strictObject({
    type: z.literal('context'),
    elements: z.array(textOf(TEXT_MAX.section)).min(1).max(PARTS_MAX),
    ...blockId,
  }),
  z
    .strictObject({
      type: z.literal('section'),
      text: textOf(TEXT_MAX.section).optional(),
      fields: z.array(textOf(TEXT_MAX.field)).min(1).max(PARTS_MAX).optional(),
      ...blockId,
    })
    .refine(({ text, fields }) => text !== undefined || fields !== undefined),
]);

const Blocks = z.array(Block).min(1).max(BLOCKS_MAX);

const Payload = z.strictObject({ text: z.string().optional(), blocks: z.unknown().optional() });

/** A message as Slack took it. */
export interface SlackNotice {
  atMs: number;
  text: string;
  blocks?: z.infer<typeof Blocks>;
}

/**
 * An incoming webhook of Slack. https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 * Errors are its own words.
 */
export class Slack {
  readonly #parts: CloudParts;
  readonly #token: string;
  readonly #notices: SlackNotice[] = [];

  constructor(parts: CloudParts, token: string) {
    this.#parts = parts;
    this.#token = token;
  }

  /** In the order in which they came. */
  list(): readonly SlackNotice[] {
    return this.#notices;
  }

  /** Takes the message of a request. Throws 400 and 403. */
  async take(context: Context<CloudEnv>): Promise<void> {
    const body = await jsonOf(context);
    if (!isSame(context.req.param('token') ?? '', this.#token)) throw new NoticeRefusal(403, 'invalid_token');
    const [type = ''] = (context.req.header('content-type') ?? '').split(';', 1);
    // Slack also takes a form with a field `payload`.
    if (type.trim().toLowerCase() !== 'application/json') throw new NoticeRefusal(400, 'invalid_payload');
    const payload = Payload.safeParse(body);
    if (!payload.success) throw new NoticeRefusal(400, 'invalid_payload');
    const { text = '', blocks } = payload.data;
    // Slack takes blocks alone; then a phone shows no text.
    if (text.trim() === '') throw new NoticeRefusal(400, 'no_text');
    if (text.length > TEXT_MAX.message) throw new NoticeRefusal(400, 'msg_too_long');
    const checked = blocks === undefined ? undefined : Blocks.safeParse(blocks);
    if (checked && !checked.success) throw new NoticeRefusal(400, 'invalid_blocks');
    const atMs = this.#parts.clock.nowMs();
    this.#notices.push({ atMs, text, ...(checked && { blocks: checked.data }) });
  }
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}
