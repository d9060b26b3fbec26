#include "store/keyed_scan.h"

#include <memory>
#include <utility>

namespace dunlin::store {
namespace {

struct Way {
  Executor& executor;
  Keyed& keyed;
  Table table;
  Range range;
  EachEntry each;
  std::move_only_function<void(Result<void>)> done;
};

void go_on(std::unique_ptr<Way> way) {
  Way& now = *way;
  now.keyed.range(now.executor, now.table, now.range,
                  [way = std::move(way)](Result<std::vector<Entry>> entries) mutable {
                    if (!entries) return way->done(std::unexpected(entries.error()));
                    for (const Entry& entry : *entries) {
                      if (auto taken = way->each(entry); !taken) return way->done(std::move(taken));
                    }
                    if (entries->empty()) return way->done({});
                    way->range.begin = entries->back().key + '\0';
                    go_on(std::move(way));
                  });
}

}  // namespace

void for_each_entry(Executor& executor, Keyed& keyed, Table table, Range range, EachEntry each,
                    std::move_only_function<void(Result<void>)> done) {
  go_on(
      std::make_unique<Way>(Way{executor, keyed, table, std::move(range), std::move(each), std::move(done)}));
}

}  // namespace dunlin::store
