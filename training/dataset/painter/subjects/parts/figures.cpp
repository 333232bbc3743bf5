#include "training/dataset/painter/subjects/parts/figures.h"

#include "training/dataset/painter/subjects/parts/elements.h"

namespace vernissage::training {

Figure any_figure(Studio& studio, Point feet, float height) {
  Random& random = studio.random;
  const Palette& p = studio.palette;
  Figure f;
  f.feet = feet;
  f.height = height;
  f.lean = random.uniform(-0.3f, 0.3f);
  f.stride = random.uniform(0.04f, 0.16f);
  f.left_hand = {random.uniform(-0.24f, -0.15f), random.uniform(-0.55f, -0.42f)};
  f.right_hand = {random.uniform(0.15f, 0.24f), random.uniform(-0.55f, -0.42f)};
  f.dress = random.chance(0.5f);
  f.skin = lighter(p.skin, random.uniform(-0.12f, 0.12f));
  f.hair = lighter(p.hair, random.uniform(-0.1f, 0.2f));
  f.clothes = any_bright(studio);
  f.legs = random.chance(0.5f) ? p.dark : lighter(f.clothes, -0.4f);
  return f;
}

void draw_figure(Studio& studio, const Figure& f) {
  Sheet& sheet = studio.sheet;
  const float h = f.height;
  const auto at = [&](float x, float y) {
    return f.feet + Point{(x + f.lean * 0.18f * -y) * h, y * h};
  };
  const auto paint = [&](Colour colour, float detail) {
    Paint lit = graded(lighter(colour, 0.14f), lighter(colour, -0.14f));
    lit.across = 0.6f;
    lit.down = 0.5f;
    lit.detail = detail;
    lit.wobble = 0.003f;
    return lit;
  };
  const Point hips = at(0, -0.5f), chest = at(0, -0.76f), neck = at(0, -0.84f),
              head = at(0, -0.92f);
  const Colour leg_colour = f.bare ? f.skin : f.legs;

  Paint legs = paint(leg_colour, 0.8f);
  for (const float side : {-1.0f, 1.0f}) {
    const Point foot = f.feet + Point{side * f.stride * h / 2, 0};
    const Point hip = hips + Point{side * 0.045f * h, 0};
    const Point knee = mix(hip, foot, 0.52f) + Point{side * (f.bare ? 0.035f : 0.015f) * h, 0};
    sheet.limb(hip, knee, 0.056f * h, 0.042f * h, legs);
    sheet.limb(knee, foot, 0.042f * h, 0.024f * h, legs);
    sheet.limb(foot, foot + Point{side * 0.035f * h, 0.006f * h}, 0.02f * h, 0.016f * h, legs);
    legs.contour = Contour::joined;
  }
  Paint body = paint(f.bare ? f.skin : f.clothes, 0.7f);
  body.brush = {0.1f, 1};
  if (f.dress && !f.bare) {
    const float hem = -0.16f;
    sheet.polygon({at(-0.075f, -0.62f), at(0.075f, -0.62f), at(0.19f, hem), at(0.06f, hem + 0.03f),
                   at(-0.06f, hem + 0.03f), at(-0.19f, hem)},
                  body);
    body.contour = Contour::joined;
  } else {
    sheet.limb(hips + Point{0, 0.01f * h}, mix(hips, chest, 0.4f), 0.084f * h, 0.07f * h, body);
    body.contour = Contour::joined;
  }
  sheet.limb(mix(hips, chest, 0.3f), chest, 0.068f * h, 0.088f * h, body);

  Paint arm = paint(f.bare ? f.skin : lighter(f.clothes, -0.06f), 0.8f);
  Paint hand = paint(f.skin, 0.9f);
  for (const bool left : {true, false}) {
    const Point shoulder = chest + Point{(left ? -0.085f : 0.085f) * h, -0.01f * h};
    const Point tip = f.feet + (left ? f.left_hand : f.right_hand) * h;
    const Point way = tip - shoulder;
    const float reach = length(way);
    const float bend =
        maximum(0, 0.4f * h - reach) * 0.55f;  // a short reach bends the elbow outwards
    const Point sideways = Point{-way.y, way.x} * ((left ? 1.0f : -1.0f) / maximum(reach, 1e-6f));
    const Point elbow = mix(shoulder, tip, 0.5f) + sideways * bend;
    sheet.limb(shoulder, elbow, 0.036f * h, 0.028f * h, arm);
    arm.contour = Contour::joined;
    sheet.limb(elbow, tip, 0.028f * h, 0.02f * h, arm);
    hand.contour = Contour::joined;
    sheet.disc(tip, 0.026f * h, hand);
  }
  Paint skin = paint(f.skin, 0.9f);
  skin.contour = Contour::joined;
  sheet.limb(chest, neck, 0.034f * h, 0.03f * h, skin);
  Paint hair = paint(f.hair, 0.9f);
  hair.around = true;
  if (f.dress) sheet.ellipse(head + Point{0, 0.012f * h}, 0.078f * h, 0.095f * h, hair);
  skin.contour = f.dress ? Contour::joined : Contour::own;
  sheet.ellipse(head, 0.056f * h, 0.074f * h, skin);
  hair.contour = Contour::joined;
  sheet.ellipse(head - Point{0, 0.038f * h}, 0.06f * h, 0.046f * h, hair);
  if (f.hat) {
    Paint felt = paint(f.legs, 0.9f);
    sheet.ellipse(head - Point{0, 0.05f * h}, 0.11f * h, 0.022f * h, felt);
    sheet.box(head - Point{0, 0.085f * h}, 0.058f * h, 0.042f * h, felt, 0.02f * h);
  }
}

}  // namespace vernissage::training
