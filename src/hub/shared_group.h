#pragma once
// A shared subscription's group (MQTT 5.0 section 4.8.2): a queue of its own, and the members that empty it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/group_view.h"
#include "hub/session.h"
#include "hub/session_link.h"

namespace dunlin::hub {

/// What a group must know of a member's connection.
struct MemberState {
  std::uint16_t window = 0;  // messages that it may have at a time; 0: it is away
  enum class Lasting : std::uint8_t { no, yes } lasting = Lasting::no;  // its session outlives its connection
};

/// A group is a session whose peers are its members: messages wait in its queue, outlive the process there if
/// a member's session does, and are in flight until a member is done with them. It lives on the home shard of
/// "$share/...", its members anywhere. What a member that goes had not acknowledged, goes to another; but a
/// QoS 2 message that was sent stays with the one it was sent to (section 4.8.2). Its session's client id is
/// the members' filter,
/// "$share/...". Its shard's thread only.
class SharedGroup final : public SessionLink {
 public:
  SharedGroup(Shard& shard, Session& session) : shard_(shard), session_(&session) {}
  ~SharedGroup() override;

  /// A member joins, or changes its options or its state.
  void join(SessionRef member, const SubscriptionOptions& options, MemberState state);
  void update(SessionRef member, MemberState state);
  void leave(SessionRef member);
  bool empty() const { return members_.empty(); }
  bool is_lasting() const;

  Session& session() { return *session_; }
  /// After the queue has been given up for a new, empty one.
  void set_session(Session& session);
  void answered(const SharedAnswer& answer);
  /// What operators see of it, but for what is the members' own shards'. `publisher` (or null): whose message
  /// would be the next.
  GroupView view(const Principal* publisher) const;
  /// At most kMaxGroupMembersShown.
  std::vector<GroupMemberView> member_views() const;
  std::vector<SessionRef> members() const;
  /// Nobody of it is to keep what is with members on its way.
  void give_up();
  /// Ends the connections of members that hold messages: none was acknowledged for too long.
  void end_stuck_members();

  // SessionLink

  void deliver(const Outbound& publish, EncodingCache& cache) override;
  void release(std::uint16_t packet_id) override;
  bool can_take() const override;
  void pause() override {}   // a group publishes nothing
  void resume() override {}  // a group publishes nothing
  void ended(EndReason, std::string_view) override {}

 private:
  struct Member {
    SessionRef session;
    SubscriptionOptions options;
    MemberState state;
    std::uint16_t in_flight = 0;
    std::uint64_t given = 0;   // messages so far
    std::uint64_t filled = 0;  // how often its window became full
    bool may_take() const { return in_flight < state.window; }
  };
  /// A message in flight: who has it.
  struct Dispatch {
    SessionRef member;
    std::uint16_t attempt = 0;
    std::uint64_t held = 0;  // its number at a member that has stored it and waits for our word
  };
  Member* find(SessionRef member);
  Member& choose(const Message& message);
  /// Who would get the next message; nowhere: nobody can take one, or it depends on a publisher who is null.
  std::size_t candidate(const Principal* publisher) const;
  std::size_t next_in_turn() const;
  std::size_t least_busy() const;
  std::size_t favourite_of(const Principal& publisher) const;
  void members_changed();
  void let_go_of(std::uint16_t packet_id);

  Shard& shard_;
  Session* session_;
  std::vector<Member> members_;
  std::unordered_map<std::uint16_t, Dispatch> dispatched_;
  std::size_t next_ = 0;
  std::uint64_t given_ = 0;
  std::uint64_t returned_ = 0;
  std::uint16_t attempts_ = 0;
};

}  // namespace dunlin::hub
