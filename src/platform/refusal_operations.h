#pragma once
// The picture of an attack as operations, and what may be done about it: security.refusals, security.release,
// security.release-user, security.block.

#include <boost/json/fwd.hpp>
#include <vector>

#include "base/executor.h"
#include "hub/standings.h"
#include "model/operation.h"
#include "net/address_blocks.h"
#include "security/penalty.h"
#include "security/refusal_book.h"
#include "transport/http/live_feed.h"

namespace dunlin::platform {

struct RefusalParts {
  const security::RefusalBook& book;
  security::PenaltyTable& penalties;
  net::AddressBlocks& blocks;
  const hub::Standings& standings;
  const Clock& clock;
};

/// All parts must outlive the table.
void declare_refusals(model::OperationTable& table, RefusalParts parts);
std::vector<model::OperationSpec> refusal_operations();

/// Tells the live pages, once a second, of what was refused since. One executor's thread.
class RefusalFeed {
 public:
  RefusalFeed(Executor& executor, const security::RefusalBook& book, transport::LiveFeed& feed)
      : executor_(executor), book_(book), feed_(feed) {}
  ~RefusalFeed() { executor_.cancel(timer_); }
  RefusalFeed(const RefusalFeed&) = delete;
  RefusalFeed& operator=(const RefusalFeed&) = delete;
  void start();

 private:
  void look();

  Executor& executor_;
  const security::RefusalBook& book_;
  transport::LiveFeed& feed_;
  TimerId timer_;
  std::uint64_t told_ = 0;
};

}  // namespace dunlin::platform
