#include "server/curation/hanging/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/base64.h"
#include "server/curation/hanging/wall.h"
#include "server/web/site.h"

namespace vernissage::curation {
namespace {

constexpr size_t kBest = 5, kLast = 3;  // shown of each query
constexpr size_t kRefusedShown = 24;
constexpr int kBars = 48;      // of a histogram
constexpr double kSpread = 4;  // deviations to each side that a histogram covers
constexpr double kChartWidth = 240, kChartHeight = 48;  // px

constexpr char kStyle[] = R"css(
:root { color-scheme: light dark; --ink: #222; --paper: #f6f4ef; --line: #0002; --bar: #9a8f80; --hung: #b23a2a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e4dc; --paper: #1b1a18; --line: #fff2; --bar: #7d7468; --hung: #e0705c; } }
body { margin: 0 auto; max-width: 75rem; padding: 2rem 1rem 6rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font: 2.4rem/1.1 Georgia, serif; margin: 0 0 .5rem; } h2 { font: 1.7rem Georgia, serif; margin: 3rem 0 .5rem; border-bottom: 1px solid var(--line); }
nav a { margin-right: 1rem; } p { max-width: 44rem; } small, figcaption { opacity: .75; font-size: .8rem; }
.query { display: grid; grid-template-columns: 16rem 1fr; gap: .5rem 1.5rem; padding: 1rem 0; border-bottom: 1px solid var(--line); break-inside: avoid; }
.query h3 { margin: 0; font: 1.15rem Georgia, serif; } .query svg { display: block; margin: .5rem 0; }
.wall { display: flex; flex-wrap: wrap; gap: .6rem; align-items: flex-end; } .wall.last { padding-left: .6rem; border-left: 2px dotted var(--line); }
.rows { display: flex; flex-wrap: wrap; gap: .6rem; } figure { margin: 0; } figure img { display: block; width: 6rem; height: 6rem; box-shadow: 0 1px 4px #0006; }
rect { fill: var(--bar); } rect.hung { fill: var(--hung); } .pair { display: flex; gap: .3rem; margin: 0 1.2rem 1rem 0; }
@media (max-width: 44rem) { .query { grid-template-columns: 1fr; } figure img { width: 4.5rem; height: 4.5rem; } }
)css";

using web::escaped;

std::string decimals(double value, int places) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*f", places, value);
  return text;
}

// The choices of one query, the best first.
std::vector<const Choice*> choices_of(const Selection& selection, size_t query) {
  std::vector<const Choice*> choices;
  for (const Choice& choice : selection.chosen)
    if (choice.query == query) choices.push_back(&choice);
  return choices;
}

// Which of `count` are shown at the front and at the end; never one twice.
std::pair<size_t, size_t> shown(size_t count) {
  const size_t best = std::min(count, kBest);
  return {best, std::min(count - best, kLast)};
}

std::string figure(const Thumbnails& thumbnails, uint64_t candidate, const std::string& caption,
                   const std::string& alt) {
  return "<figure><img alt=\"" + escaped(alt) + "\" src=\"data:image/webp;base64," +
         gallery::base64(thumbnails.at(candidate)) + "\"><figcaption>" + escaped(caption) +
         "</figcaption></figure>\n";
}

// All candidates' scores as bars, over mean ± kSpread deviations; where those hang that were
// chosen, in red. Heights by square root: the few at the end are what matters.
std::string histogram(const QueryScores& scores, const std::vector<const Choice*>& choices) {
  const double low = scores.mean - kSpread * scores.deviation,
               high = scores.mean + kSpread * scores.deviation;
  if (!(high > low)) return "";
  const auto bar_of = [&](double score) {
    return static_cast<size_t>(std::clamp((score - low) / (high - low) * kBars, 0.0, kBars - 1.0));
  };
  std::vector<double> bars(kBars), hung(kBars);
  for (size_t bin = 0; bin < scores.histogram.size(); ++bin)
    if (scores.histogram[bin] > 0) {
      const double middle = (static_cast<double>(bin) + 0.5) / QueryScores::kBins * 2 - 1;
      bars[bar_of(middle)] += scores.histogram[bin];
    }
  for (const Choice* choice : choices) hung[bar_of(choice->score)] += 1;
  const double top = std::sqrt(std::max(1.0, *std::max_element(bars.begin(), bars.end())));
  std::string svg = "<svg width=\"" + decimals(kChartWidth, 0) + "\" height=\"" +
                    decimals(kChartHeight, 0) +
                    "\" role=\"img\" aria-label=\"Scores of all candidates from " +
                    decimals(low, 3) + " to " + decimals(high, 3) + "\">";
  const double width = kChartWidth / kBars;
  for (const bool chosen : {false, true})
    for (size_t i = 0; i < kBars; ++i) {
      const double count = chosen ? hung[i] : bars[i];
      if (count == 0) continue;
      const double height = std::min(1.0, std::sqrt(count) / top) * kChartHeight;
      svg += "<rect" + std::string(chosen ? " class=\"hung\"" : "") + " x=\"" +
             decimals(static_cast<double>(i) * width, 1) + "\" y=\"" +
             decimals(kChartHeight - height, 1) + "\" width=\"" + decimals(width - 0.6, 1) +
             "\" height=\"" + decimals(height, 1) + "\"/>";
    }
  return svg + "</svg>";
}

std::string query_section(const Selection& selection, size_t index, const QueryPlace& place,
                          uint64_t candidates, const Thumbnails& thumbnails) {
  const std::vector<const Choice*> choices = choices_of(selection, index);
  const QueryScores& scores = selection.scores[index];
  std::string html =
      "<section class=\"query\"><div><h3>" + escaped(place.query->title) + "</h3><small>asked: “" +
      escaped(place.query->text) + "”<br>" + std::to_string(choices.size()) + " hang" +
      (selection.missing[index] ? ", " + std::to_string(selection.missing[index]) + " missing"
                                : "") +
      "</small>" + histogram(scores, choices) +
      "<small>all candidates: " + decimals(scores.mean, 3) + " ± " + decimals(scores.deviation, 3) +
      "</small></div><div class=\"rows\">";
  const auto [best, last] = shown(choices.size());
  const auto row = [&](const char* name, size_t from, size_t to) {
    if (from == to) return;
    html += "<div class=\"wall " + std::string(name) + "\">";
    for (size_t i = from; i < to; ++i)
      html += figure(thumbnails, choices[i]->candidate,
                     decimals(static_cast<double>(choices[i]->score), 3) + " · " +
                         std::to_string(choices[i]->rank) + " of " + std::to_string(candidates),
                     place.query->title);
    html += "</div>";
  };
  row("best", 0, best);
  row("last", choices.size() - last, choices.size());
  return html + "</div></section>\n";
}

std::string refused_section(const Selection& selection, const Thumbnails& thumbnails,
                            float duplicate_cosine) {
  std::string html =
      "<h2 id=\"refused\">Near-duplicates</h2><p>" + std::to_string(selection.refused.size()) +
      " candidates were refused because a painting that hangs looks the same (cosine of " +
      decimals(static_cast<double>(duplicate_cosine), 3) + " or more)";
  const size_t count = std::min(selection.refused.size(), kRefusedShown);
  html +=
      count < selection.refused.size() ? "; the first " + std::to_string(count) + ":</p>" : ".</p>";
  html += "<div class=\"rows\">";
  for (size_t i = 0; i < count; ++i) {
    const Refused& refused = selection.refused[i];
    html += "<div class=\"pair\">" +
            figure(thumbnails, refused.candidate,
                   "refused, " + decimals(static_cast<double>(refused.cosine), 4), "refused") +
            figure(thumbnails, refused.like, "hangs", "hangs") + "</div>";
  }
  return html + "</div>\n";
}

}  // namespace

std::vector<uint64_t> report_candidates(const Selection& selection, size_t queries) {
  std::vector<uint64_t> wanted;
  for (size_t query = 0; query < queries; ++query) {
    const std::vector<const Choice*> choices = choices_of(selection, query);
    const auto [best, last] = shown(choices.size());
    for (size_t i = 0; i < choices.size(); ++i)
      if (i < best || i >= choices.size() - last) wanted.push_back(choices[i]->candidate);
  }
  for (size_t i = 0; i < std::min(selection.refused.size(), kRefusedShown); ++i) {
    wanted.push_back(selection.refused[i].candidate);
    wanted.push_back(selection.refused[i].like);
  }
  return wanted;
}

std::string report(const ReportFacts& facts, const Selection& selection, const RoomsPlan& plan,
                   const Thumbnails& thumbnails) {
  std::string html =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>How " +
      escaped(facts.name) + " was curated</title><style>" + kStyle +
      "</style></head><body>\n<h1>How " + escaped(facts.name) + " was curated</h1>\n<p>" +
      std::to_string(selection.chosen.size()) + " paintings of " +
      std::to_string(facts.candidates) + " candidates, by " + std::to_string(plan.queries()) +
      " queries. Under each query: its best paintings, then the last "
      "that still hang, each with its score (the cosine of picture and words) and its rank among "
      "all "
      "candidates. Bars: all candidates; red: those that hang.</p>\n<p><small>" +
      escaped(facts.description);
  for (const std::string& line : facts.times) html += "<br>" + escaped(line);
  html += "</small></p>\n<nav>";
  for (const RoomPlan& room : plan.rooms)
    html += "<a href=\"#" + room.slug + "\">" + escaped(room.title) + "</a>";
  html += "<a href=\"#refused\">Near-duplicates</a></nav>\n";
  const std::vector<QueryPlace> places = query_places(plan);
  const RoomPlan* room = nullptr;
  for (size_t query = 0; query < places.size(); ++query) {
    if (places[query].room != room) {
      room = places[query].room;
      html += "<h2 id=\"" + room->slug + "\">" + escaped(room->title) + "</h2>\n";
    }
    html += query_section(selection, query, places[query], facts.candidates, thumbnails);
  }
  return html + refused_section(selection, thumbnails, facts.duplicate_cosine) + "</body></html>\n";
}

}  // namespace vernissage::curation
