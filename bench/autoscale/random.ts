import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Random numbers that are the same for the same seed. */
export class Random {
  private readonly generator;
  private spare: number | undefined;

  constructor(seed: number) {
    this.generator = xoroshiro128plus(seed);
  }

  /** At least 0, less than 1. */
  uniform(): number {
    return uniformFloat64(this.generator);
  }

  /** A whole number from 0, less than `below`. */
  below(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform());
  }

  /**
   * A gamma variable of this mean and coefficient of variation: constant at 0, exponential at 1 (Marsaglia and Tsang, A simple
   * method for generating gamma variables, 2000).
   */
  gamma(mean: number, cv: number): number {
    // What varies by less than a thousandth is as good as constant, and its shape would be beyond numbers.
    if (cv < 1e-3) return mean;
    if (cv === 1) return this.exponential(mean);
    const shape = 1 / cv ** 2;
    // Below a shape of 1: one of a shape more, times a power of a uniform one.
    const boost = shape < 1 ? (1 - this.uniform()) ** (1 / shape) : 1;
    const d = (shape < 1 ? shape + 1 : shape) - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(1 - this.uniform()) < x ** 2 / 2 + d - d * v + d * Math.log(v)) {
        return (mean / shape) * boost * d * v;
      }
    }
  }

  private normal(): number {
    if (this.spare !== undefined) {
      const { spare } = this;
      this.spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}
