import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openInventoryFile } from '../../infra/operator/inventory-file.ts';
import { accountKey, accountSecret, summaryThat } from '../support/account.ts';

const SILENT = { keys: () => undefined, secrets: () => undefined };

describe('the list of an inventory', () => {
  it('has a line for each key and each secret, with times as people read them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'keyrota-list-'));
    const path = join(folder, 'keys.jsonl');
    {
      using file = openInventoryFile(path);
      const visitor = file.copying(SILENT);
      visitor.keys([accountKey({ lastUsed: { atMs: 0, isAtLeast: true } }), accountKey({ lastUsed: 'never' })]);
      visitor.keys([]);
      visitor.secrets([accountSecret({ summary: summaryThat() })]);
    }
    const lines = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toMatchObject([
      {
        what: 'key',
        id: 'ApiKey-1',
        createdAt: '2026-06-05T12:00:00.000Z',
        lastUsed: { at: '1970-01-01T00:00:00.000Z' },
      },
      { what: 'key', lastUsed: 'never', managed: null, actionWhenLeaked: 'disable' },
      { what: 'secret', name: 'ingest', keyId: 'ApiKey-1', expiresAt: null },
    ]);
    expect(() => openInventoryFile(path)).toThrow(/exists, and is not written over/);
    rmSync(folder, { recursive: true });
  });

  it('shows everything to whoever else looks', () => {
    const folder = mkdtempSync(join(tmpdir(), 'keyrota-list-'));
    const seen: string[] = [];
    {
      using file = openInventoryFile(join(folder, 'keys.jsonl'));
      const visitor = file.copying({
        keys: (page) => seen.push(...page.map(({ id }) => id)),
        secrets: (page) => seen.push(...page.map(({ id }) => id)),
      });
      visitor.keys([accountKey()]);
      visitor.secrets([accountSecret()]);
    }
    expect(seen).toEqual(['ApiKey-1', 'secret-1']);
    rmSync(folder, { recursive: true });
  });

  it('that cannot be made is said with its path', () => {
    expect(() => openInventoryFile('/no/such/folder/keys.jsonl')).toThrow(/^\/no\/such\/folder\/keys.jsonl: .*ENOENT/);
  });
});
