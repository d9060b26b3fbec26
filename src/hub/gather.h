#pragma once
// Questions to the shards, and their answers on one executor. Internal to the views.

#include <memory>
#include <utility>

#include "base/executor.h"
#include "hub/hub.h"
#include "hub/shard_view.h"

namespace dunlin::hub {

/// Gathers the shards' answers on one executor. Shared by them.
template <class T>
struct Gathering {
  std::size_t left = 0;
  T gathered;
  std::move_only_function<void(T)> done;
  void one_less() {
    if (--left == 0) done(std::move(gathered));
  }
};

template <class T>
std::shared_ptr<Gathering<T>> gather(std::size_t shards, T empty, std::move_only_function<void(T)> done) {
  return std::make_shared<Gathering<T>>(Gathering<T>{shards, std::move(empty), std::move(done)});
}

/// Runs `task` on the thread of the shard and posts what it returns.
template <class T>
void ask(Hub& hub, std::size_t number, Executor& reply_to, std::move_only_function<T(ShardView)> task,
         std::move_only_function<void(T)> done) {
  Shard& shard = hub.shard(number);
  shard.executor().post([&shard, &reply_to, task = std::move(task), done = std::move(done)]() mutable {
    reply_to.post(
        [answer = task(ShardView(shard)), done = std::move(done)]() mutable { done(std::move(answer)); });
  });
}

/// One page of a list that is spread over the shards: `rows` asks one of them, `list` is the page's.
template <class Page, class Row, class Query>
void gather_page(Hub& hub, Executor& reply_to, const Query& query, std::vector<Row> Page::* list,
                 void (ShardView::*rows)(Query, std::move_only_function<void(Smallest<Row>)>),
                 std::move_only_function<void(Page)> done) {
  using Rows = Smallest<Row>;
  auto finish = [list, done = std::move(done)](Rows all) mutable {
    Page page;
    page.matched = all.matched();
    auto taken = all.take();
    if (!taken.empty() && taken.size() < page.matched) page.next = taken.back().first;
    for (auto& [key, row] : taken) (page.*list).push_back(std::move(row));
    done(std::move(page));
  };
  const auto answers = gather<Rows>(hub.shard_count(), Rows(query.after, query.limit), std::move(finish));
  for (std::size_t i = 0; i < hub.shard_count(); ++i) {
    Shard& shard = hub.shard(i);
    shard.executor().post([&shard, &reply_to, rows, query, answers] {
      ShardView view(shard);
      (view.*rows)(query, [&reply_to, answers](Rows found) {
        reply_to.post([answers, found = std::move(found)]() mutable {
          answers->gathered.merge(std::move(found));
          answers->one_less();
        });
      });
    });
  }
}

}  // namespace dunlin::hub
