#include "store/keyed.h"

#include <utility>

namespace dunlin::store {
namespace {

/// Asks for one range after another. Owned by its own completions: each hands it to the next.
class OneByOne : public std::enable_shared_from_this<OneByOne> {
 public:
  OneByOne(Keyed& keyed, Executor& reply_to, Table table, std::vector<Range> ranges,
           std::move_only_function<void(Result<std::vector<RangePart>>)> done)
      : keyed_(keyed),
        reply_to_(reply_to),
        table_(table),
        ranges_(std::move(ranges)),
        done_(std::move(done)) {}

  void next() {
    if (parts_.size() == ranges_.size()) return done_(std::move(parts_));
    keyed_.range(reply_to_, table_, std::move(ranges_[parts_.size()]),
                 [self = shared_from_this()](Result<std::vector<Entry>> entries) {
                   if (!entries) return self->done_(std::unexpected(entries.error()));
                   const auto end = entries->empty() ? RangePart::End::reached : RangePart::End::cut;
                   self->parts_.push_back({*std::move(entries), end});
                   self->next();
                 });
  }

 private:
  Keyed& keyed_;
  Executor& reply_to_;
  const Table table_;
  std::vector<Range> ranges_;
  std::move_only_function<void(Result<std::vector<RangePart>>)> done_;
  std::vector<RangePart> parts_;
};

}  // namespace

void Keyed::ranges(Executor& reply_to, Table table, std::vector<Range> ranges,
                   std::move_only_function<void(Result<std::vector<RangePart>>)> done) {
  std::make_shared<OneByOne>(*this, reply_to, table, std::move(ranges), std::move(done))->next();
}

}  // namespace dunlin::store
