#include "model/cursors.h"

#include <algorithm>
#include <cstdlib>

#include "model/keys.h"

namespace dunlin::model {

void read_cursors(Executor& executor, store::Keyed& keyed, std::string_view consumer,
                  std::move_only_function<void(Result<std::vector<hub::JournalPosition>>)> done) {
  const std::string prefix = "cursor/" + std::string(consumer) + "/";
  keyed.range(executor, store::Table::meta, {.begin = prefix, .end = prefix_end(prefix)},
              [prefix, done = std::move(done)](Result<std::vector<store::Entry>> entries) mutable {
                if (!entries) return done(std::unexpected(entries.error()));
                std::vector<hub::JournalPosition> found;
                for (const store::Entry& entry : *entries) {
                  const auto journal = std::strtoul(entry.key.c_str() + prefix.size(), nullptr, 10);
                  found.push_back(
                      {static_cast<std::uint16_t>(journal), std::strtoull(entry.value.c_str(), nullptr, 10)});
                }
                done(std::move(found));
              });
}

void put_cursors(store::Batch& batch, std::string_view consumer,
                 const std::vector<hub::JournalPosition>& positions) {
  for (const hub::JournalPosition& at : positions) {
    batch.puts.push_back({store::Table::meta, cursor_key(consumer, at.journal), std::to_string(at.position)});
  }
}

void commit(hub::Consumer& consumer, const std::vector<hub::JournalPosition>& positions) {
  for (const hub::JournalPosition& at : positions) consumer.commit(at);
}

void advance(std::vector<hub::JournalPosition>& positions, hub::JournalPosition at) {
  const auto found = std::ranges::find(positions, at.journal, &hub::JournalPosition::journal);
  if (found == positions.end()) {
    positions.push_back(at);
  } else {
    found->position = std::max(found->position, at.position);
  }
}

}  // namespace dunlin::model
