#include "service/series/range_reader.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace dunlin::series {
namespace {

/// Owned by its own completions: each read hands it to the next.
struct RangeReader : std::enable_shared_from_this<RangeReader> {
  Executor& executor;
  store::Keyed& keyed;
  store::Table table;
  std::vector<store::Range> left;
  std::vector<std::size_t> places;  // of those left, in the answer
  std::vector<std::vector<store::Entry>> found;
  std::move_only_function<void(Result<std::vector<std::vector<store::Entry>>>)> done;

  RangeReader(Executor& on, store::Keyed& store, store::Table of, std::vector<store::Range> ranges,
              std::move_only_function<void(Result<std::vector<std::vector<store::Entry>>>)> then)
      : executor(on),
        keyed(store),
        table(of),
        left(std::move(ranges)),
        found(left.size()),
        done(std::move(then)) {
    for (std::size_t i = 0; i < left.size(); ++i) places.push_back(i);
  }

  void read() {
    if (left.empty()) return done(std::move(found));
    keyed.ranges(executor, table, left,
                 [self = shared_from_this()](Result<std::vector<store::RangePart>> parts) {
                   if (!parts) return self->done(std::unexpected(parts.error()));
                   self->take(*std::move(parts));
                   self->read();
                 });
  }

  void take(std::vector<store::RangePart> parts) {
    std::vector<store::Range> cut;
    std::vector<std::size_t> cut_places;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      auto& entries = found[places[i]];
      const bool is_cut = parts[i].end == store::RangePart::End::cut;
      std::ranges::move(parts[i].entries, std::back_inserter(entries));
      if (!is_cut) continue;
      if (!entries.empty()) left[i].begin = entries.back().key + '\0';
      cut.push_back(std::move(left[i]));
      cut_places.push_back(places[i]);
    }
    left = std::move(cut);
    places = std::move(cut_places);
  }
};

}  // namespace

void read_ranges(Executor& executor, store::Keyed& keyed, store::Table table,
                 std::vector<store::Range> ranges,
                 std::move_only_function<void(Result<std::vector<std::vector<store::Entry>>>)> done) {
  std::make_shared<RangeReader>(executor, keyed, table, std::move(ranges), std::move(done))->read();
}

}  // namespace dunlin::series
