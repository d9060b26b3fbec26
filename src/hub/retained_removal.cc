#include "hub/retained_removal.h"

#include <memory>
#include <optional>
#include <utility>

#include "hub/hub.h"
#include "hub/view.h"

namespace dunlin::hub {
namespace {

/// Goes through the messages page by page. One executor; owned by its own completions.
class Removal : public std::enable_shared_from_this<Removal> {
 public:
  using Done = std::move_only_function<void(Result<RetainedRemoval>)>;
  Removal(Hub& hub, Executor& executor, PrincipalRef principal, std::string filter, Done done)
      : hub_(hub), executor_(executor), principal_(std::move(principal)), done_(std::move(done)) {
    query_.tenant = principal_->tenant;
    query_.filter = std::move(filter);
    query_.limit = kMaxPageRows;
  }
  void next_page() {
    HubView(hub_).retained(executor_, query_,
                           [self = shared_from_this()](const RetainedPage& page) { self->remove(page); });
  }

 private:
  void remove(const RetainedPage& page) {
    query_.after = page.next;
    if (page.messages.empty()) return finish();
    waiting_ = page.messages.size();
    for (const Message& retained : page.messages) {
      Message empty;
      empty.topic = retained.topic;
      // QoS 1, so that it is on the disk when this call is answered.
      empty.qos = QoS::at_least_once;
      empty.retain = Message::Retain::yes;
      empty.principal = principal_;
      hub_.publish(executor_, std::move(empty),
                   [self = shared_from_this()](Result<void> result) { self->one_less(std::move(result)); });
    }
  }
  void one_less(Result<void> result) {
    if (result) {
      ++removed_;
    } else if (!error_) {
      error_ = std::move(result).error();
    }
    if (--waiting_ > 0) return;
    const bool more = !query_.after.empty();
    if (error_ || !more || removed_ >= kMaxRetainedRemovedPerCall) return finish();
    next_page();
  }
  void finish() {
    if (error_) return done_(std::unexpected(*std::move(error_)));
    // The messages have left their shards; they have arrived everywhere after every shard had its turn twice.
    HubView(hub_).settle(executor_, [self = shared_from_this()] {
      using Left = RetainedRemoval::Left;
      self->done_(RetainedRemoval{self->removed_, self->query_.after.empty() ? Left::none : Left::some});
    });
  }

  Hub& hub_;
  Executor& executor_;
  PrincipalRef principal_;
  Done done_;
  RetainedQuery query_;
  std::size_t waiting_ = 0;
  std::size_t removed_ = 0;
  std::optional<Error> error_;
};

}  // namespace

void remove_retained(Hub& hub, Executor& executor, PrincipalRef principal, std::string filter,
                     std::move_only_function<void(Result<RetainedRemoval>)> done) {
  std::make_shared<Removal>(hub, executor, std::move(principal), std::move(filter), std::move(done))
      ->next_page();
}

}  // namespace dunlin::hub
