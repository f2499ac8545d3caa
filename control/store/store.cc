// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/store/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "control/config/normalize.h"
#include "control/config/secret.h"
#include "control/encoding.h"
#include "control/error/error.h"
#include "control/store/return_if_error.h"
#include "control/store/schema.h"
#include "control/text/absl_text.h"
#include "dataplane/state/errno_text.h"
#include "proto/link/snapshot_format.h"

namespace simplon::control {
namespace {

std::string_view as_bytes(const CounterRow& row) {
  return {reinterpret_cast<const char*>(&row), sizeof row};
}
static_assert(std::is_trivially_copyable_v<CounterRow>);

absl::Status directory_error(const std::string& directory, int error, std::string_view hint) {
  return absl::FailedPreconditionError(
      ToAbsl("state directory " + directory + ": " + errno_text(error) + "; " + std::string(hint)));
}

// Pages of the write-ahead log, 512 MiB of them, at which commits wait for it to be emptied.
constexpr int kTooLongLog = 1 << 17;

// False: somebody is in the way, which the pragma calls a success.
bool empty_log(Database& database) {
  auto checkpoint = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
  if (!checkpoint.ok()) return false;
  const auto row = checkpoint->step();
  return row.ok() && *row && checkpoint->integer(0) == 0;
}

bool lock(int fd, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace

struct Store::Statements {
  std::optional<Statement> put_meta, delete_meta, put_pool, delete_pool;
  std::optional<Statement> put_account, delete_account;
  std::optional<Statement> put_revision, put_change, forget_revisions, forget_changes;
  std::optional<Statement> put_counter, delete_counter, put_archive;
  std::optional<Statement> put_incarnation, put_learned, delete_learned;
  std::optional<Statement> put_baseline, delete_baselines;

  // The row of `changes` that is being filled.
  std::string changes;
  int64_t changes_first = 0;
  int64_t changes_count = 0;
};

absl::StatusOr<std::unique_ptr<Store>> Store::open(const std::string& directory,
                                                   std::chrono::milliseconds patience) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return directory_error(directory, errno, "create it or give another --state-dir");
  }
  std::unique_ptr<Store> store(new Store);
  const std::string lock_path = directory + "/lock";
  store->lock_fd_ = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (store->lock_fd_ < 0) {
    return directory_error(directory, errno,
                           "make it writable for this user or give another --state-dir");
  }
  if (!lock(store->lock_fd_, patience)) {
    return absl::FailedPreconditionError(ToAbsl(
        "state directory " + directory + " is in use by another simplon-control; stop it first"));
  }

  const std::string path = directory + "/simplon.db";
  // Created here so that the mode is right from the first byte (SQLite gives its companions the
  // same).
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return directory_error(directory, errno, "simplon.db must be writable for this user");
  close(fd);

  auto writer = Database::open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX);
  if (!writer.ok()) return writer.status();
  store->writer_ = *std::move(writer);
  SIMPLON_RETURN_IF_ERROR(store->writer_->execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
      "PRAGMA cache_size=-65536; PRAGMA secure_delete=ON"));
  SIMPLON_RETURN_IF_ERROR(migrate_schema(*store->writer_));
  SIMPLON_RETURN_IF_ERROR(store->prepare());
  auto reader = Database::open(path, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX);
  if (!reader.ok()) return reader.status();
  store->reader_ = *std::move(reader);
  auto checkpointer = Checkpointer::start(path);
  if (!checkpointer.ok()) return checkpointer.status();
  store->checkpointer_ = *std::move(checkpointer);
  store->log_grown_ = [s = store.get()](int pages) {
    s->log_pages_ = pages;
    s->checkpointer_->grown_to(pages);
  };
  store->writer_->on_commit(&store->log_grown_);
  return store;
}

Store::~Store() {
  checkpointer_.reset();
  statements_.reset();
  reader_.reset();
  writer_.reset();
  if (lock_fd_ >= 0) close(lock_fd_);
}

absl::Status Store::prepare() {
  statements_ = std::make_unique<Statements>();
  const auto add = [this](std::optional<Statement>& statement, const char* sql) -> absl::Status {
    auto prepared = writer_->prepare(sql);
    if (!prepared.ok()) return prepared.status();
    statement = *std::move(prepared);
    return absl::OkStatus();
  };
  Statements& s = *statements_;
  SIMPLON_RETURN_IF_ERROR(add(s.put_meta, "INSERT OR REPLACE INTO meta VALUES (?1, ?2)"));
  SIMPLON_RETURN_IF_ERROR(add(s.delete_meta, "DELETE FROM meta WHERE key = ?1"));
  SIMPLON_RETURN_IF_ERROR(add(s.put_pool, "INSERT OR REPLACE INTO pools VALUES (?1, ?2)"));
  SIMPLON_RETURN_IF_ERROR(add(s.delete_pool, "DELETE FROM pools WHERE name = ?1"));
  SIMPLON_RETURN_IF_ERROR(add(s.put_revision, "INSERT OR REPLACE INTO revisions VALUES (?1, ?2)"));
  SIMPLON_RETURN_IF_ERROR(add(s.put_change, "INSERT INTO changes VALUES (?1, ?2, ?3, ?4)"));
  SIMPLON_RETURN_IF_ERROR(add(s.forget_revisions, "DELETE FROM revisions WHERE number <= ?1"));
  SIMPLON_RETURN_IF_ERROR(add(s.forget_changes, "DELETE FROM changes WHERE revision <= ?1"));
  SIMPLON_RETURN_IF_ERROR(add(s.put_counter, "INSERT OR REPLACE INTO counters VALUES (?1, ?2)"));
  SIMPLON_RETURN_IF_ERROR(add(s.delete_counter, "DELETE FROM counters WHERE tunnel_id = ?1"));
  SIMPLON_RETURN_IF_ERROR(
      add(s.put_archive, "INSERT OR REPLACE INTO counter_archive VALUES (?1, ?2)"));
  SIMPLON_RETURN_IF_ERROR(
      add(s.put_incarnation, "INSERT OR REPLACE INTO slot_incarnation VALUES (?1, ?2)"));
  SIMPLON_RETURN_IF_ERROR(add(s.put_learned, "INSERT OR REPLACE INTO learned VALUES (?1, ?2)"));
  SIMPLON_RETURN_IF_ERROR(add(s.delete_learned, "DELETE FROM learned WHERE slot = ?1"));
  SIMPLON_RETURN_IF_ERROR(
      add(s.put_baseline, "INSERT OR REPLACE INTO error_baseline VALUES (?1, ?2, ?3, ?4)"));
  SIMPLON_RETURN_IF_ERROR(
      add(s.delete_baselines, "DELETE FROM error_baseline WHERE tunnel_id = ?1"));
  SIMPLON_RETURN_IF_ERROR(add(s.put_account, "INSERT OR REPLACE INTO accounts VALUES (?1, ?2)"));
  SIMPLON_RETURN_IF_ERROR(add(s.delete_account, "DELETE FROM accounts WHERE name = ?1"));
  SIMPLON_RETURN_IF_ERROR(tunnels_.prepare(*writer_));
  SIMPLON_RETURN_IF_ERROR(credentials_.prepare(*writer_, "credentials", "tunnel_id", 3));
  return account_secrets_.prepare(*writer_, "account_secrets", "name", 1);
}

namespace {

Credential credential_in(const Statement& row, int column) {
  return {std::string(row.blob(column)), std::string(row.blob(column + 1)),
          std::string(row.blob(column + 2))};
}

}  // namespace

absl::StatusOr<Store::State> Store::load() {
  State state;
  const auto each = [this](const char* sql, auto&& row) -> absl::Status {
    auto query = writer_->prepare(sql);
    if (!query.ok()) return query.status();
    for (;;) {
      auto more = query->step();
      if (!more.ok()) return more.status();
      if (!*more) return absl::OkStatus();
      if (!row(*query)) {
        return absl::DataLossError(ToAbsl(std::string("store: unreadable row in: ") + sql +
                                          "; restore simplon.db from a backup"));
      }
    }
  };
  const auto parse = [](auto& message, std::string_view bytes) {
    return message.ParseFromArray(bytes.data(), int(bytes.size()));
  };
  SIMPLON_RETURN_IF_ERROR(each("SELECT proto FROM pools ORDER BY name", [&](const Statement& row) {
    return parse(*state.config.add_pools(), row.blob(0));
  }));
  SIMPLON_RETURN_IF_ERROR(each("SELECT proto FROM tunnels ORDER BY id", [&](const Statement& row) {
    return state.config.MergeFromString(std::string(row.blob(0)));
  }));
  SIMPLON_RETURN_IF_ERROR(
      each("SELECT proto FROM accounts ORDER BY name",
           [&](const Statement& row) { return parse(*state.config.add_accounts(), row.blob(0)); }));
  SIMPLON_RETURN_IF_ERROR(
      each("SELECT value FROM meta WHERE key = 'pop'",
           [&](const Statement& row) { return parse(*state.config.mutable_pop(), row.blob(0)); }));
  SIMPLON_RETURN_IF_ERROR(
      each("SELECT coalesce(max(number), 0) FROM revisions", [&](const Statement& row) {
        state.revision = uint64_t(row.integer(0));
        return true;
      }));
  SIMPLON_RETURN_IF_ERROR(
      each("SELECT value FROM meta WHERE key = 'pending'", [&](const Statement& row) {
        PendingConfirmation pending;
        if (row.blob(0).size() != sizeof pending) return false;
        std::memcpy(&pending, row.blob(0).data(), sizeof pending);
        state.pending = pending;
        return true;
      }));
  SIMPLON_RETURN_IF_ERROR(
      each("SELECT value FROM meta WHERE key = 'counters_instance'", [&](const Statement& row) {
        if (row.blob(0).size() != sizeof state.counters_instance) return false;
        std::memcpy(&state.counters_instance, row.blob(0).data(), sizeof state.counters_instance);
        return true;
      }));
  SIMPLON_RETURN_IF_ERROR(each("SELECT proto FROM counters", [&](const Statement& row) {
    CounterRow& counter = state.counters.emplace_back();
    if (row.blob(0).size() != sizeof counter) return false;
    std::memcpy(&counter, row.blob(0).data(), sizeof counter);
    return true;
  }));
  SIMPLON_RETURN_IF_ERROR(
      each("SELECT name, value FROM counter_archive", [&](const Statement& row) {
        state.archive.emplace_back(std::string(row.blob(0)), uint64_t(row.integer(1)));
        return true;
      }));
  SIMPLON_RETURN_IF_ERROR(
      each("SELECT value FROM meta WHERE key = 'runtime_instance'", [&](const Statement& row) {
        if (row.blob(0).size() != sizeof state.runtime_instance) return false;
        std::memcpy(&state.runtime_instance, row.blob(0).data(), sizeof state.runtime_instance);
        return true;
      }));
  SIMPLON_RETURN_IF_ERROR(
      each("SELECT slot, incarnation FROM slot_incarnation", [&](const Statement& row) {
        const auto slot = std::size_t(row.integer(0));
        if (slot >= kMaxSlots) return false;
        if (slot >= state.incarnations.size()) state.incarnations.resize(slot + 1);
        state.incarnations[slot] = uint8_t(row.integer(1));
        return true;
      }));
  SIMPLON_RETURN_IF_ERROR(each(
      "SELECT tunnel_id, reason, instance, count FROM error_baseline", [&](const Statement& row) {
        state.baselines.push_back({uint32_t(row.integer(0)), uint8_t(row.integer(1)),
                                   uint64_t(row.integer(2)), uint64_t(row.integer(3))});
        return true;
      }));
  // Tunnels and current credentials both come by id.
  int at = 0;
  SIMPLON_RETURN_IF_ERROR(
      each("SELECT tunnel_id, password, previous_password, update_key FROM credentials "
           "WHERE until IS NULL ORDER BY tunnel_id",
           [&](const Statement& row) {
             auto& tunnels = *state.config.mutable_tunnels();
             while (at < tunnels.size() && tunnels[at].id() < row.integer(0)) ++at;
             if (at == tunnels.size() || tunnels[at].id() != row.integer(0)) return false;
             set_credential(tunnels[at], credential_in(row, 1));
             return true;
           }));
  // Likewise.
  at = 0;
  SIMPLON_RETURN_IF_ERROR(
      each("SELECT name, secret_md5 FROM account_secrets WHERE until IS NULL ORDER BY name",
           [&](const Statement& row) {
             auto& accounts = *state.config.mutable_accounts();
             while (at < accounts.size() && accounts[at].name() < row.blob(0)) ++at;
             if (at == accounts.size() || accounts[at].name() != row.blob(0)) return false;
             set_account_secret(accounts[at], std::string(row.blob(1)));
             return true;
           }));
  for (v1::Tunnel& tunnel : *state.config.mutable_tunnels()) fill_in(tunnel);
  if (state.config.pop().ByteSizeLong() != 0) fill_in(*state.config.mutable_pop());
  return state;
}

absl::Status Store::write_tunnel(uint64_t number, const v1::Change& change) {
  Statements& s = *statements_;
  const v1::Tunnel& old = change.old().tunnel();
  const v1::Tunnel& next = change.new_().tunnel();
  const bool deleted = change.action() == v1::Change::DELETED;
  const uint32_t id = deleted ? old.id() : next.id();
  const bool secret = has_credential(next);
  if (!same_credential(next, old)) {
    const Credential credential = credential_of(next);
    using Secrets = std::initializer_list<std::string_view>;
    SIMPLON_RETURN_IF_ERROR(
        credential.empty()
            ? credentials_.put(number, id, {})
            : credentials_.put(number, id,
                               Secrets{credential.password, credential.previous_password,
                                       credential.update_key}));
  }
  if (old.id() != 0 && (deleted || old.slot() != next.slot())) {
    // Nothing of it is believed for the next tunnel in that slot.
    s.delete_learned->bind(1, old.slot());
    SIMPLON_RETURN_IF_ERROR(s.delete_learned->run());
  }
  if (deleted) {
    s.delete_baselines->bind(1, id);
    SIMPLON_RETURN_IF_ERROR(s.delete_baselines->run());
    return tunnels_.erase(id);
  }
  if (!secret) {
    next.SerializeToString(&bytes_);
  } else {
    v1::Tunnel hidden = next;
    hide_secrets(hidden);
    hidden.SerializeToString(&bytes_);
  }
  return tunnels_.put(id, bytes_);
}

namespace {

bool has_secrets(const v1::Resource& resource) {
  return has_credential(resource.tunnel()) || !resource.account().secret_md5().empty();
}

void hide(v1::Resource& resource) {
  if (resource.has_tunnel()) hide_secrets(*resource.mutable_tunnel());
  if (resource.has_account()) hide_secrets(*resource.mutable_account());
}

// A row each would cost as much as the tunnels themselves.
constexpr int64_t kChangesPerRow = 128;

// Adds to the serialised ConfigDiff the change that creates a tunnel, serialised as well.
void append_created(std::string& diff, const v1::Change& change, std::string_view tunnel) {
  constexpr uint32_t kAction = v1::Change::CREATED;
  constexpr std::size_t kActionSize = 2;
  const std::size_t resource = field_size(tunnel.size());
  append_field_header(diff, v1::ConfigDiff::kChangesFieldNumber,
                      field_size(change.name().size()) + kActionSize + field_size(resource));
  append_field(diff, v1::Change::kNameFieldNumber, change.name());
  append_field(diff, v1::Change::kActionFieldNumber, kAction);
  append_field_header(diff, v1::Change::kNewFieldNumber, resource);
  append_field(diff, v1::Resource::kTunnelFieldNumber, tunnel);
}

// As the log keeps it: without secrets.
void serialize_for_log(const v1::Change& change, std::string* bytes) {
  if (!has_secrets(change.old()) && !has_secrets(change.new_())) {
    change.SerializeToString(bytes);
    return;
  }
  v1::Change hidden = change;
  if (hidden.has_old()) hide(*hidden.mutable_old());
  if (hidden.has_new_()) hide(*hidden.mutable_new_());
  hidden.SerializeToString(bytes);
}

}  // namespace

absl::Status Store::write_account(uint64_t number, const v1::Change& change) {
  Statements& s = *statements_;
  const v1::Account& old = change.old().account();
  const bool deleted = change.action() == v1::Change::DELETED;
  v1::Account next = change.new_().account();
  const std::string& name = deleted ? old.name() : next.name();
  const std::string& secret = next.secret_md5();
  if (secret != old.secret_md5()) {
    using Secrets = std::initializer_list<std::string_view>;
    SIMPLON_RETURN_IF_ERROR(secret.empty() ? account_secrets_.put(number, name, {})
                                           : account_secrets_.put(number, name, Secrets{secret}));
  }
  if (deleted) {
    s.delete_account->bind_text(1, name);
    return s.delete_account->run();
  }
  hide_secrets(next);
  const std::string bytes = next.SerializeAsString();
  s.put_account->bind_text(1, name);
  s.put_account->bind_blob(2, bytes);
  return s.put_account->run();
}

absl::Status Store::write_change(uint64_t number, uint64_t index, const v1::Change& change) {
  Statements& s = *statements_;
  if (s.changes_count == 0) s.changes_first = int64_t(index);
  const bool deleted = change.action() == v1::Change::DELETED;
  const v1::Resource& resource = deleted ? change.old() : change.new_();
  std::string bytes;
  switch (resource.kind_case()) {
    case v1::Resource::kTunnel:
      SIMPLON_RETURN_IF_ERROR(write_tunnel(number, change));
      break;
    case v1::Resource::kPool:
      if (deleted) {
        s.delete_pool->bind_text(1, resource.pool().name());
        SIMPLON_RETURN_IF_ERROR(s.delete_pool->run());
        break;
      }
      bytes = resource.pool().SerializeAsString();
      s.put_pool->bind_text(1, resource.pool().name());
      s.put_pool->bind_blob(2, bytes);
      SIMPLON_RETURN_IF_ERROR(s.put_pool->run());
      break;
    case v1::Resource::kPop:
      s.put_meta->bind_text(1, "pop");
      bytes = deleted ? std::string() : resource.pop().SerializeAsString();
      s.put_meta->bind_blob(2, bytes);
      SIMPLON_RETURN_IF_ERROR(s.put_meta->run());
      break;
    case v1::Resource::kAccount:
      SIMPLON_RETURN_IF_ERROR(write_account(number, change));
      break;
    case v1::Resource::KIND_NOT_SET:
      return absl::InternalError("store: change without a resource");
  }
  if (change.action() == v1::Change::CREATED && resource.has_tunnel()) {
    append_created(s.changes, change, bytes_);  // as it went into its table
  } else {
    serialize_for_log(change, &bytes_);
    append_field(s.changes, v1::ConfigDiff::kChangesFieldNumber, bytes_);
  }
  return ++s.changes_count == kChangesPerRow ? end_change_row(number) : absl::OkStatus();
}

absl::Status Store::end_change_row(uint64_t number) {
  Statements& s = *statements_;
  if (s.changes_count == 0) return absl::OkStatus();
  s.put_change->bind(1, int64_t(number));
  s.put_change->bind(2, s.changes_first);
  s.put_change->bind_blob(3, s.changes);
  s.put_change->bind(4, s.changes_count);
  auto status = s.put_change->run();
  s.changes.clear();
  s.changes_count = 0;
  return status;
}

absl::Status Store::write_revision(const RevisionWrite& write) {
  const std::string bytes = write.revision.SerializeAsString();
  Statement& put = *statements_->put_revision;
  put.bind(1, int64_t(write.revision.number()));
  put.bind_blob(2, bytes);
  SIMPLON_RETURN_IF_ERROR(put.run());
  // What a transaction that failed has left.
  statements_->changes.clear();
  statements_->changes_count = 0;
  uint64_t index = 0;
  for (const v1::Change& change : write.changes) {
    SIMPLON_RETURN_IF_ERROR(write_change(write.revision.number(), index++, change));
  }
  return end_change_row(write.revision.number());
}

absl::Status Store::write_counters(const StoreWrite& write) {
  Statements& s = *statements_;
  for (const uint32_t id : write.counters_deleted) {
    s.delete_counter->bind(1, id);
    SIMPLON_RETURN_IF_ERROR(s.delete_counter->run());
  }
  for (const CounterRow& row : write.counters) {
    s.put_counter->bind(1, row.tunnel_id);
    s.put_counter->bind_blob(2, as_bytes(row));
    SIMPLON_RETURN_IF_ERROR(s.put_counter->run());
  }
  for (const auto& [name, value] : write.archive) {
    s.put_archive->bind_text(1, name);
    s.put_archive->bind(2, int64_t(value));
    SIMPLON_RETURN_IF_ERROR(s.put_archive->run());
  }
  if (!write.counters_instance) return absl::OkStatus();
  s.put_meta->bind_text(1, "counters_instance");
  s.put_meta->bind_blob(2, {reinterpret_cast<const char*>(&*write.counters_instance),
                            sizeof *write.counters_instance});
  return s.put_meta->run();
}

absl::Status Store::write_runtime(const StoreWrite& write) {
  Statements& s = *statements_;
  for (const auto& [slot, incarnation] : write.incarnations) {
    s.put_incarnation->bind(1, slot);
    s.put_incarnation->bind(2, incarnation);
    SIMPLON_RETURN_IF_ERROR(s.put_incarnation->run());
  }
  for (const LearnedRow& row : write.learned) {
    s.put_learned->bind(1, row.slot);
    s.put_learned->bind_blob(2, {reinterpret_cast<const char*>(&row), sizeof row});
    SIMPLON_RETURN_IF_ERROR(s.put_learned->run());
  }
  for (const ErrorBaseline& baseline : write.baselines) {
    s.put_baseline->bind(1, baseline.tunnel_id);
    s.put_baseline->bind(2, baseline.reason);
    s.put_baseline->bind(3, int64_t(baseline.instance));
    s.put_baseline->bind(4, int64_t(baseline.count));
    SIMPLON_RETURN_IF_ERROR(s.put_baseline->run());
  }
  if (!write.runtime_instance) return absl::OkStatus();
  s.put_meta->bind_text(1, "runtime_instance");
  s.put_meta->bind_blob(
      2, {reinterpret_cast<const char*>(&*write.runtime_instance), sizeof *write.runtime_instance});
  return s.put_meta->run();
}

absl::Status Store::forget_old(uint64_t newest) {
  if (newest <= kKeepRevisions) return absl::OkStatus();
  Statements& s = *statements_;
  s.forget_revisions->bind(1, int64_t(newest - kKeepRevisions));
  SIMPLON_RETURN_IF_ERROR(s.forget_revisions->run());
  s.forget_changes->bind(1, int64_t(newest - kKeepRevisions));
  SIMPLON_RETURN_IF_ERROR(s.forget_changes->run());
  // The oldest revision that can be restored is the one before the oldest in the log.
  for (SecretTable* table : {&credentials_, &account_secrets_}) {
    const auto forgotten = table->forget(newest - kKeepRevisions);
    if (!forgotten.ok()) return forgotten.status();
    if (*forgotten) wipe_log_ = true;
  }
  return absl::OkStatus();
}

absl::Status Store::commit(const StoreWrite& write) {
  auto transaction = Transaction::begin(*writer_);
  if (!transaction.ok()) return transaction.status();
  tunnels_.begin();
  for (const RevisionWrite& revision : write.revisions) {
    SIMPLON_RETURN_IF_ERROR(write_revision(revision));
  }
  SIMPLON_RETURN_IF_ERROR(tunnels_.end());
  for (const v1::Revision& revision : write.amended) {
    SIMPLON_RETURN_IF_ERROR(write_revision({revision, {}}));
  }
  if (write.set_pending && write.pending) {
    Statement& put = *statements_->put_meta;
    put.bind_text(1, "pending");
    put.bind_blob(2, {reinterpret_cast<const char*>(&*write.pending), sizeof *write.pending});
    SIMPLON_RETURN_IF_ERROR(put.run());
  } else if (write.set_pending) {
    statements_->delete_meta->bind_text(1, "pending");
    SIMPLON_RETURN_IF_ERROR(statements_->delete_meta->run());
  }
  SIMPLON_RETURN_IF_ERROR(write_counters(write));
  SIMPLON_RETURN_IF_ERROR(write_runtime(write));
  if (!write.revisions.empty()) {
    SIMPLON_RETURN_IF_ERROR(forget_old(write.revisions.back().revision.number()));
  }
  SIMPLON_RETURN_IF_ERROR(transaction->commit());
  if (log_pages_ > kTooLongLog) {
    // Commit upon commit left no moment in which the log could begin anew. That it could not now
    // either is no fault of what has just been committed.
    writer_->execute("PRAGMA wal_checkpoint(RESTART)").IgnoreError();
  }
  if (wipe_log_) {
    // What was deleted is overwritten in the file, but older copies of its page may be in the log,
    // which can be emptied while nobody reads.
    const std::lock_guard lock(reader_mutex_);
    wipe_log_ = !empty_log(*writer_);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::Revision>> Store::revisions(uint64_t before, std::size_t limit) {
  const std::lock_guard lock(reader_mutex_);
  auto query = reader_->prepare(
      "SELECT proto FROM revisions WHERE ?1 = 0 OR number < ?1 ORDER BY number DESC LIMIT ?2");
  if (!query.ok()) return query.status();
  query->bind(1, int64_t(before));
  query->bind(2, int64_t(limit));
  std::vector<v1::Revision> revisions;
  for (;;) {
    auto more = query->step();
    if (!more.ok()) return more.status();
    if (!*more) return revisions;
    const std::string_view bytes = query->blob(0);
    if (!revisions.emplace_back().ParseFromArray(bytes.data(), int(bytes.size()))) {
      return absl::DataLossError("store: unreadable revision");
    }
  }
}

absl::StatusOr<v1::Revision> Store::revision(uint64_t number) {
  auto found = revisions(number + 1, 1);
  if (!found.ok()) return found.status();
  if (found->empty() || found->front().number() != number) {
    return make_error(absl::StatusCode::kNotFound, "REVISION_NOT_FOUND",
                      "there is no revision " + std::to_string(number) + " (any more)");
  }
  return std::move(found->front());
}

absl::StatusOr<std::vector<v1::Change>> Store::changes(uint64_t number, uint64_t first,
                                                       std::size_t limit) {
  const std::lock_guard lock(reader_mutex_);
  auto query = reader_->prepare(
      "SELECT number, count, proto FROM changes WHERE revision = ?1 AND number > ?2 "
      "ORDER BY number");
  if (!query.ok()) return query.status();
  query->bind(1, int64_t(number));
  query->bind(2, int64_t(first) - kChangesPerRow);
  std::vector<v1::Change> changes;
  while (changes.size() < limit) {
    auto more = query->step();
    if (!more.ok()) return more.status();
    if (!*more) break;
    const std::string_view bytes = query->blob(2);
    v1::ConfigDiff row;
    const bool single = query->integer(1) == 0;
    if (!(single ? row.add_changes()->ParseFromArray(bytes.data(), int(bytes.size()))
                 : row.ParseFromArray(bytes.data(), int(bytes.size())))) {
      return absl::DataLossError("store: unreadable change");
    }
    auto at = uint64_t(query->integer(0));
    for (v1::Change& change : *row.mutable_changes()) {
      if (at++ >= first && changes.size() < limit) changes.push_back(std::move(change));
    }
  }
  return changes;
}

absl::StatusOr<Credential> Store::credential_at(uint32_t tunnel_id, uint64_t revision) {
  const std::lock_guard lock(reader_mutex_);
  auto query = reader_->prepare(
      "SELECT password, previous_password, update_key FROM credentials WHERE tunnel_id = ?1 "
      "AND since <= ?2 AND (until IS NULL OR until > ?2)");
  if (!query.ok()) return query.status();
  query->bind(1, tunnel_id);
  query->bind(2, int64_t(revision));
  auto found = query->step();
  if (!found.ok()) return found.status();
  if (!*found) return Credential();
  return credential_in(*query, 0);
}

absl::StatusOr<std::string> Store::account_secret_at(std::string_view account, uint64_t revision) {
  const std::lock_guard lock(reader_mutex_);
  auto query = reader_->prepare(
      "SELECT secret_md5 FROM account_secrets WHERE name = ?1 AND since <= ?2 "
      "AND (until IS NULL OR until > ?2)");
  if (!query.ok()) return query.status();
  query->bind_text(1, account);
  query->bind(2, int64_t(revision));
  auto found = query->step();
  if (!found.ok()) return found.status();
  return *found ? std::string(query->blob(0)) : std::string();
}

absl::StatusOr<std::vector<LearnedRow>> Store::learned() {
  const std::lock_guard lock(reader_mutex_);
  auto query = reader_->prepare("SELECT row FROM learned ORDER BY slot");
  if (!query.ok()) return query.status();
  std::vector<LearnedRow> rows;
  for (;;) {
    auto more = query->step();
    if (!more.ok()) return more.status();
    if (!*more) return rows;
    if (query->blob(0).size() != sizeof(LearnedRow)) {
      return absl::DataLossError("store: unreadable row in the journal of learned endpoints");
    }
    std::memcpy(&rows.emplace_back(), query->blob(0).data(), sizeof(LearnedRow));
  }
}

}  // namespace simplon::control
