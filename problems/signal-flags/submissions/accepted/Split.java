import java.util.*;

public class Split {
    static final StringBuilder out = new StringBuilder();
    static int n;

    static void walk(int start, int end, int masts) {
        if (masts == 0) {
            for (int mast = n - 1; mast >= 0; mast--) out.append(start >> mast & 1);
            out.append('\n');
            return;
        }
        int mast = Integer.highestOneBit((start ^ end) & masts);
        int rest = masts ^ mast, between = start ^ Integer.lowestOneBit(rest);
        walk(start, between, rest);
        walk(between ^ mast, end, rest);
    }

    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        n = in.nextInt();
        int start = in.nextInt(2), end = in.nextInt(2);
        if (Integer.bitCount(start ^ end) % 2 == 0) out.append("impossible\n");
        else walk(start, end, (1 << n) - 1);
        System.out.print(out);
    }
}
