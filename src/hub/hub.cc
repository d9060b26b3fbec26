#include "hub/hub.h"

#include <iterator>
#include <unordered_set>
#include <utility>

#include "base/core/assert.h"
#include "base/log.h"
#include "hub/topic.h"

namespace dunlin::hub {
namespace {

/// Counts answers that arrive on one executor. Shared by them.
template <class T>
struct Answers {
  std::size_t left = 0;
  T gathered;
  std::move_only_function<void(T)> done;
  void one_less() {
    if (--left == 0) done(std::move(gathered));
  }
};

/// The consumer's handle: it tells every shard.
class HubConsumer final : public Consumer {
 public:
  HubConsumer(Executor& executor, std::vector<Shard*> shards, ConsumerId id, std::shared_ptr<Mailbox> mailbox)
      : executor_(executor), shards_(std::move(shards)), id_(id), mailbox_(std::move(mailbox)) {}
  ~HubConsumer() override {
    mailbox_->close();
    for (Shard* shard : shards_) {
      shard->executor().post([shard, id = id_] { shard->remove_consumer(id); });
    }
  }
  void commit(JournalPosition position) override {
    if (position.position == 0 || position.journal >= shards_.size()) return;
    Shard* shard = shards_[position.journal];
    shard->executor().post([shard, id = id_, at = position.position] { shard->commit(id, at); });
  }
  void lag(std::move_only_function<void(std::vector<ConsumerLag>)> done) override {
    // Shared: by the answers of the shards, which come one by one on the consumer's executor.
    auto answers = std::make_shared<Answers<std::vector<ConsumerLag>>>();
    answers->left = shards_.size();
    answers->done = [mailbox = std::weak_ptr<Mailbox>(mailbox_),
                     done = std::move(done)](std::vector<ConsumerLag> rows) mutable {
      if (!mailbox.expired() && !mailbox.lock()->closed()) done(std::move(rows));
    };
    for (Shard* shard : shards_) {
      shard->executor().post([shard, id = id_, answers, &reply_to = executor_] {
        reply_to.post([answers, row = shard->consumer_lag(id)] {
          if (row) answers->gathered.push_back(*row);
          answers->one_less();
        });
      });
    }
  }
  void forget() override {
    mailbox_->close();
    for (Shard* shard : shards_) {
      shard->executor().post([shard, id = id_] { shard->forget_consumer(id); });
    }
  }

 private:
  Executor& executor_;
  std::vector<Shard*> shards_;
  ConsumerId id_;
  std::shared_ptr<Mailbox> mailbox_;  // shared: with batches on their way
};

}  // namespace

Hub::Hub(HubEnvironment environment)
    : keyed_(environment.keyed),
      limits_(environment.limits),
      durable_filters_(std::move(environment.durable_filters)),
      authorize_will_(std::move(environment.authorize_will)) {
  DUNLIN_ASSERT(!environment.shards.empty() && environment.shards.size() <= kMaxShards);
  for (std::size_t i = 0; i < environment.shards.size(); ++i) {
    const ShardEnvironment& shard = environment.shards[i];
    shards_.push_back(std::make_unique<Shard>(ShardSetup{
        static_cast<std::uint16_t>(i), shard.executor, shard.log, environment.keyed, environment.metrics,
        limits_, shards_, [this](SessionEvent event) { report(std::move(event)); }, environment.rng.next(),
        durable_filters_, tracer_, budgets_, authorize_will_}));
  }
  for (const auto& shard : shards_) shard->connect_shards();
}

Hub::~Hub() = default;

void Hub::post(std::size_t shard, std::move_only_function<void(Shard&)> task) {
  Shard& to = *shards_[shard];
  to.executor().post([&to, task = std::move(task)]() mutable { task(to); });
}

void Hub::set_memory_level(MemoryLevel level) {
  for (std::size_t shard = 0; shard < shards_.size(); ++shard)
    post(shard, [level](Shard& at) { at.set_memory_level(level); });
}

std::size_t Hub::session_home(TenantId tenant, std::string_view client_id) const {
  return stable_hash(client_id, tenant.value) % shards_.size();
}

Result<Session*> Hub::open(std::size_t shard, OpenOptions options, SessionLink& link, Shard::OpenDone done) {
  DUNLIN_ASSERT(session_home(options.principal->tenant, options.client_id) == shard);
  if (options.client_id.empty() || options.client_id.size() > kMaxClientIdBytes) {
    return fail(Errc::invalid_argument, "the client id is empty or too long");
  }
  if (is_shared(options.client_id))
    return fail(Errc::invalid_argument, "client ids do not begin with $share/");
  return shards_[shard]->open(std::move(options), link, std::move(done));
}

// ---- start and stop ----

void Hub::on_all(std::function<void(Shard&, Done)> task, Done done) {
  auto answers = std::make_shared<Answers<Result<void>>>();
  answers->left = shards_.size();
  answers->done = std::move(done);
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    post(i, [this, answers, task](Shard& shard) {
      task(shard, [this, answers](Result<void> result) {
        post(0, [answers, result = std::move(result)](Shard&) mutable {
          if (!result && answers->gathered) answers->gathered = std::move(result);
          answers->one_less();
        });
      });
    });
  }
}

void Hub::start(Executor& reply_to, Done done) {
  Done reply = [&reply_to, done = std::move(done)](Result<void> result) mutable {
    reply_to.post(
        [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  };
  post(0, [this, reply = std::move(reply)](Shard&) mutable {
    auto homes = std::make_shared<SessionHomes>();  // shared: by the pages that are read one after the other
    load_sessions({}, homes, [this, homes, reply = std::move(reply)](Result<void> sessions) mutable {
      if (!sessions) return reply(std::move(sessions));
      load_queues({}, homes, [this, reply = std::move(reply)](Result<void> queues) mutable {
        if (!queues) return reply(std::move(queues));
        load_retained({}, [this, reply = std::move(reply)](Result<void> retained) mutable {
          if (!retained) return reply(std::move(retained));
          replay(std::move(reply));
        });
      });
    });
  });
}

void Hub::load_sessions(std::string begin, std::shared_ptr<SessionHomes> homes, Done done) {
  if (keyed_ == nullptr) return done({});
  keyed_->range(
      shards_[0]->executor(), store::Table::session, {.begin = std::move(begin), .end = {}},
      [this, homes, done = std::move(done)](Result<std::vector<store::Entry>> rows) mutable {
        if (!rows) return done(std::unexpected(std::move(rows).error()));
        if (rows->empty()) return done({});
        for (const store::Entry& row : *rows) {
          const Result<TenantKey> key = split_tenant_key(row.key);
          Result<SessionRecord> record = decode_session(row.value);
          if (!key || !record) {
            log::error("hub", "a stored session cannot be read",
                       {{"error", record ? key.error().message : record.error().message}});
            continue;
          }
          const std::size_t home = session_home(key->tenant, key->text);
          homes->emplace(record->instance, home);
          post(home, [tenant = key->tenant, client_id = std::string(key->text), record = std::move(*record)](
                         Shard& shard) mutable { shard.load_session(tenant, client_id, std::move(record)); });
        }
        load_sessions(rows->back().key + '\0', homes, std::move(done));
      });
}

void Hub::load_queues(std::string begin, std::shared_ptr<SessionHomes> homes, Done done) {
  if (keyed_ == nullptr) return done({});
  keyed_->range(
      shards_[0]->executor(), store::Table::queue, {.begin = std::move(begin), .end = {}},
      [this, homes, done = std::move(done)](Result<std::vector<store::Entry>> rows) mutable {
        if (!rows) return done(std::unexpected(std::move(rows).error()));
        if (rows->empty()) return done({});
        std::string next = rows->back().key + '\0';
        for (store::Entry& row : *rows) {
          const Result<QueueKey> key = decode_queue_key(row.key);
          if (!key) {
            log::error("hub", "a stored queue's key cannot be read", {{"error", key.error().message}});
            continue;
          }
          const auto home = homes->find(key->instance);
          // Of a session that has gone: any shard may delete it.
          post(home == homes->end() ? 0 : home->second,
               [key = *key, value = std::move(row.value)](Shard& shard) { shard.load_item(key, value); });
        }
        load_queues(std::move(next), homes, std::move(done));
      });
}

void Hub::load_retained(std::string begin, Done done) {
  if (keyed_ == nullptr) return done({});
  keyed_->range(shards_[0]->executor(), store::Table::retained, {.begin = std::move(begin), .end = {}},
                [this, done = std::move(done)](Result<std::vector<store::Entry>> rows) mutable {
                  if (!rows) return done(std::unexpected(std::move(rows).error()));
                  if (rows->empty()) return done({});
                  for (store::Entry& row : *rows) {
                    const Result<TenantKey> key = split_tenant_key(row.key);
                    if (!key) {
                      log::error("hub", "a retained message's key cannot be read",
                                 {{"error", key.error().message}});
                      continue;
                    }
                    post(session_home(key->tenant, key->text),
                         [value = std::move(row.value)](Shard& shard) { shard.load_retained(value); });
                  }
                  load_retained(rows->back().key + '\0', std::move(done));
                });
}

void Hub::replay(Done done) {
  // The messages of every journal have been sent on by the second round, and have arrived everywhere after
  // the third; before the first, the shards do not yet know what the others' sessions wait for.
  const auto nothing = [](Shard&, Done arrived) { arrived({}); };
  const auto replay = [](Shard& shard, Done replayed) { shard.replay_journal(std::move(replayed)); };
  const auto finish = [](Shard& shard, Done finished) {
    shard.finish_loading();
    finished({});
  };
  const auto rejoin = [](Shard& shard, Done rejoined) {
    shard.rejoin_groups();
    rejoined({});
  };
  const auto settle = [](Shard& shard, Done settled) {
    shard.drop_deserted_groups();
    shard.start_checkpoints();
    settled({});
  };
  on_all(nothing, [=, this, done = std::move(done)](Result<void>) mutable {
    on_all(replay, [=, this, done = std::move(done)](Result<void> result) mutable {
      if (!result) return done(std::move(result));
      on_all(nothing, [=, this, done = std::move(done)](Result<void>) mutable {
        on_all(finish, [=, this, done = std::move(done)](Result<void>) mutable {
          on_all(rejoin, [=, this, done = std::move(done)](Result<void>) mutable {
            on_all(settle, std::move(done));
          });
        });
      });
    });
  });
}

void Hub::stop(Executor& reply_to, Done done) {
  Done reply = [&reply_to, done = std::move(done)](Result<void> result) mutable {
    reply_to.post(
        [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  };
  // Shared: every shard adds to it.
  const auto count = std::make_shared<std::atomic<std::uint64_t>>(0);
  const auto end = [count](Shard& shard, Done ended) {
    count->fetch_add(shard.end_all());
    if (shard.log() == nullptr) return ended({});
    shard.log()->flush(std::move(ended));
  };
  on_all(end, [this, count, reply = std::move(reply)](Result<void> flushed) mutable {
    if (*count > 0) log::info("hub", "the shutdown ended the sessions", {{"count", count->load()}});
    on_all([](Shard& shard, Done stored) { shard.checkpoint(std::move(stored)); },
           [flushed = std::move(flushed), reply = std::move(reply)](Result<void> stored) mutable {
             reply(flushed ? std::move(stored) : std::move(flushed));
           });
  });
}

// ---- the bus ----

void Hub::publish(Executor& reply_to, Message message, PublishDone done) {
  if (Result<void> valid = check_topic(message.topic.text()); !valid) {
    if (!done) return;
    return reply_to.post(
        [done = std::move(done), valid = std::move(valid)]() mutable { done(std::move(valid)); });
  }
  std::size_t shard = stable_hash(message.topic.text()) % shards_.size();
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (&shards_[i]->executor() == &reply_to) shard = i;
  }
  post(shard, [&reply_to, message = std::move(message), done = std::move(done)](Shard& to) mutable {
    if (!done || &to.executor() == &reply_to)
      return to.publish_in_process(std::move(message), std::move(done));
    to.publish_in_process(
        std::move(message), [&reply_to, done = std::move(done)](Result<void> result) mutable {
          reply_to.post(
              [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
        });
  });
}

std::unique_ptr<Consumer> Hub::consume(Executor& executor, ConsumerOptions options, BatchHandler handler) {
  const ConsumerId id = next_consumer_.fetch_add(1, std::memory_order_relaxed);
  for (const std::string& filter : options.filters) DUNLIN_ASSERT(check_filter(filter).has_value());
  const auto shared = std::make_shared<const ConsumerOptions>(std::move(options));
  auto mailbox = std::make_shared<Mailbox>(executor, std::move(handler));
  std::vector<Shard*> shards;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    shards.push_back(shards_[i].get());
    post(i, [id, shared, mailbox](Shard& shard) { shard.add_consumer(id, shared, mailbox); });
  }
  return std::make_unique<HubConsumer>(executor, std::move(shards), id, std::move(mailbox));
}

void Hub::on_session_event(Executor& executor, std::function<void(const SessionEvent&)> handler) {
  listeners_.push_back({&executor, std::move(handler)});
}

void Hub::report(SessionEvent event) {
  for (const Listener& listener : listeners_) {
    listener.executor->post([&listener, event] { listener.handler(event); });
  }
}

void Hub::end_sessions(TenantId tenant, std::string principal_name, std::string reason) {
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    post(i, [tenant, principal_name, reason](Shard& shard) {
      shard.end_principal(tenant, principal_name, reason);
    });
  }
}

void Hub::end_certificates(TenantId tenant, std::vector<std::string> fingerprints, std::string reason) {
  // Shared by the shards, which only read it.
  const auto all = std::make_shared<const std::unordered_set<std::string>>(
      std::make_move_iterator(fingerprints.begin()), std::make_move_iterator(fingerprints.end()));
  for (std::size_t i = 0; i < shards_.size(); ++i)
    post(i, [tenant, all, reason](Shard& shard) { shard.end_certificates(tenant, *all, reason); });
}

void Hub::set_standing(TenantId tenant, std::string thing, Standing standing) {
  for (std::size_t i = 0; i < shards_.size(); ++i)
    post(i, [tenant, thing, standing](Shard& shard) { shard.set_standing(tenant, thing, standing); });
}

void Hub::set_client_standing(TenantId tenant, const std::string& client_id, Standing standing) {
  post(session_home(tenant, client_id), [tenant, client_id, standing](Shard& shard) {
    shard.set_client_standing(tenant, client_id, standing);
  });
}

void Hub::retained(Executor& reply_to, TenantId tenant, std::string topic,
                   std::move_only_function<void(std::optional<Message>)> done) {
  const std::size_t home = session_home(tenant, topic);
  post(home, [&reply_to, tenant, topic = std::move(topic), done = std::move(done)](Shard& shard) mutable {
    std::optional<Message> found;
    const std::vector<MessageRef> matches =
        has_wildcard(topic) ? std::vector<MessageRef>{} : shard.match_retained(tenant, topic);
    if (!matches.empty()) found = *matches.front();
    reply_to.post([found = std::move(found), done = std::move(done)]() mutable { done(std::move(found)); });
  });
}

void Hub::sessions(Executor& reply_to, TenantId tenant, std::size_t limit,
                   std::move_only_function<void(std::vector<SessionInfo>)> done) {
  auto answers = std::make_shared<Answers<std::vector<SessionInfo>>>();
  answers->left = shards_.size();
  answers->done = std::move(done);
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    post(i, [&reply_to, tenant, limit, answers](Shard& shard) {
      reply_to.post([answers, list = shard.list(tenant, limit)]() mutable {
        std::ranges::move(list, std::back_inserter(answers->gathered));
        answers->one_less();
      });
    });
  }
}

}  // namespace dunlin::hub
