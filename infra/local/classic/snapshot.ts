import type { ClassicBook } from './classic-book.ts';

/** All users and their keys, as they are: no lag. Values of keys only where `withValues` is set. */
export const snapshotOf = (book: ClassicBook, { withValues }: { withValues: boolean }) => ({
  users: book.users().map((user) => ({
    id: user.id,
    iamId: user.iamId,
    username: user.username,
    status: user.status,
    parentId: user.parentId,
    managesApiKeys: user.managesApiKeys,
    keys: book.keysOf(user).map(({ id, createdAtMs, value }) => ({ id, createdAtMs, ...(withValues && { value }) })),
  })),
});
