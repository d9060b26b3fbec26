#pragma once
// What the callers of the conformance suites share: opening a store, opening it again, and waiting for
// answers.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"

namespace dunlin::store {

/// A `Store` (Keyed or Repository) of a harness, which has: Result<std::unique_ptr<Store>> open(),
/// executor(), run_until(done) and closed(), which is called after the store has gone and before it is opened
/// again.
template <class Harness, class Store>
class StoreCaller {
 public:
  void open() {
    auto opened = harness_.open();
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = *std::move(opened);
  }
  void reopen() {
    store_.reset();
    harness_.closed();
    open();
  }
  Store& store() { return *store_; }
  Harness& harness() { return harness_; }

 protected:
  /// What `call(store, executor, completion)` answers. Errors: the store's; timed_out.
  template <class Answer, class Call>
  Result<Answer> try_wait(Call call) {
    // Shared with the completion: after a time-out it may still come.
    auto answer = std::make_shared<std::optional<Result<Answer>>>();
    call(*store_, harness_.executor(),
         [answer](Result<Answer> result) { answer->emplace(std::move(result)); });
    EXPECT_TRUE(harness_.run_until([&] { return answer->has_value(); }));
    if (!answer->has_value()) return fail(Errc::timed_out, "no answer");
    return **std::move(answer);
  }
  /// The same for calls that must succeed: an error fails the test and gives an empty answer.
  template <class Answer, class Call>
  Answer wait(Call call) {
    auto answer = try_wait<Answer>(std::move(call));
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *std::move(answer) : Answer{};
  }

 private:
  Harness harness_;
  std::unique_ptr<Store> store_;
};

/// The keys or ids of rows, joined by spaces.
template <class Rows, class Member>
std::string joined(const Rows& rows, Member member) {
  std::string text;
  for (const auto& row : rows) text += (text.empty() ? "" : " ") + row.*member;
  return text;
}

}  // namespace dunlin::store
