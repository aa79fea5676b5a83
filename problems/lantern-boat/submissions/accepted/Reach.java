import java.io.*;

/** Halves the length of the pole: does what it can reach from have anything in common? */
public class Reach {
    public static void main(String[] args) throws IOException {
        StreamTokenizer in =
                new StreamTokenizer(new BufferedReader(new InputStreamReader(System.in)));
        in.nextToken();
        int n = (int) in.nval;
        double[] x = new double[n], h = new double[n];
        for (int i = 0; i < n; i++) {
            in.nextToken();
            x[i] = in.nval;
            in.nextToken();
            h[i] = in.nval;
        }
        double low = 0, high = 3e6;
        for (int round = 0; round < 70; round++) {
            double pole = (low + high) / 2, left = -1e9, right = 1e9;
            for (int i = 0; i < n && left <= right; i++) {
                double aside = pole < h[i] ? -1e9 : Math.sqrt(pole * pole - h[i] * h[i]);
                left = Math.max(left, x[i] - aside);
                right = Math.min(right, x[i] + aside);
            }
            if (left <= right) high = pole;
            else low = pole;
        }
        System.out.println(high);
    }
}
